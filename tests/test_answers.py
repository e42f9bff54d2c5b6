"""Published JSON is read if it fits a schema; else the file and the place in it are named."""

import pytest

from dormouse.answers import items, mapping, read_answer
from dormouse.errors import InputError

SCHEMA = mapping(msg=items(id={"type": "integer"}))


def test_what_fits_is_read_with_all_that_it_holds(tmp_path):
    (tmp_path / "list.json").write_text('{"msg": [{"id": 1, "name": "one"}], "success": true}')
    assert read_answer(tmp_path / "list.json", "a list", SCHEMA) == {"msg": [{"id": 1, "name": "one"}], "success": True}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"msg": [{"id": "one"}]}', r"JSON: msg\.0\.id: expected a whole number, got the text 'one'"),
        ('{"msg": [{}]}', r"JSON: msg\.0: 'id' is a required property"),
        ('{"msg": "busy"}', "JSON: msg: expected a list, got the text 'busy'"),
        ('{"msg": [{"id": 1e999}]}', r"JSON: msg\.0\.id: expected a finite number"),
        ("<html>busy</html>", "Expecting value"),
        ("[" * 100_000, "recursion|nested"),
        (b'{"msg": "\xff"}', "not UTF-8"),
        (None, "not found"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, words):
    if text is not None:
        (tmp_path / "list.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=rf"^{tmp_path}/list\.json: not a list \(.*({words}).*\)\. Remove it and run again\."):
        read_answer(tmp_path / "list.json", "a list", SCHEMA)
