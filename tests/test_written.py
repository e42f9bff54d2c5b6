"""What people write is read in UTF-8 and in bounds: text, tables, YAML whose aliases stand for much."""

import datetime
import time

import pytest

from dormouse import written
from dormouse.errors import InputError
from dormouse.schemas import check
from dormouse.written import given_numbers, given_table, read_yaml

ANY = {}  # a schema that allows everything


@pytest.fixture
def file(tmp_path):
    """Give file(content), which writes a file and returns its path."""

    def file(content):
        (tmp_path / "mine.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "mine.txt"

    return file


# --- encodings


@pytest.mark.parametrize(("encoding", "byte"), [("latin-1", "0xe9"), ("utf-16", "0xff")])
@pytest.mark.parametrize("read", [read_yaml, given_table, given_numbers])
def test_other_encodings_than_utf_8_are_refused_with_the_line(file, read, encoding, byte):
    line = 2 if encoding == "latin-1" else 1
    with pytest.raises(InputError, match=rf"mine\.txt: line {line}: not UTF-8 \(byte {byte}\)\. Save the file as UTF-8\."):
        read(file("a: 1\nb: é".encode(encoding)))


def test_a_byte_order_mark_is_no_part_of_the_text(file):
    assert read_yaml(file("\ufeffa: é")) == read_yaml(file('\ufeff{"a": "é"}')) == {"a": "é"}
    for read in (given_table, given_numbers):
        assert read(file("\ufeffa,b\n1,2")).columns.tolist() == ["a", "b"]


# --- tables


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,\n",
        "a,b,\n1,2,\n3,,\n",
        "a,b,,,\n1,2,,,\n3,,,,\n",
        "a,b\n1,2,\n3,,\n",
        "a,b,\n1,2\n3,\n",
        'a,b\r\n"1",2\r\n\r\n3,\r\n',
    ],
)
def test_separators_behind_each_row_make_no_column(file, text):
    table = given_table(file(text))
    assert table.to_dict("list") == {"a": ["1", "3"], "b": ["2", ""]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2,\n3,4\n", "line 2 has 3 cells, the first has 2"),
        ("a,b\n1,2,x\n3,4,\n", "line 2 has 3 cells, the first has 2"),
        ("a,b,\n1\n2\n", "line 2 has 1 cells, the first has 3"),
        ("a,a,\n1,2,\n", "2 columns are named 'a'; rename all but one"),
        (f'a,b\n"{"x" * 200_000}",1\n', r"line 2: not readable as a table \(field larger than field limit"),
    ],
)
def test_other_rows_of_unequal_length_are_refused(file, text, message):
    with pytest.raises(InputError, match=rf"mine\.txt: {message}"):
        given_table(file(text))


def test_an_unnamed_column_with_content_is_kept(file):
    assert given_table(file("a,\n1,x\n2,\n")).columns.tolist() == ["a", ""]


def test_a_table_may_be_empty(file):
    assert len(given_table(file(""))) == len(given_table(file("a,b\n"))) == 0


def test_too_many_columns_are_refused_at_once(file):
    with pytest.raises(InputError, match=r"mine\.txt: 50,000 columns; expected at most 1,000\."):
        given_table(file(",".join(map(str, range(50_000)))))


@pytest.mark.parametrize("text", ["", 'a\n"1', "a,b\n1,2\n1,2,3\n"])
def test_a_table_of_numbers_that_cannot_be_read_is_one_line(file, text):
    with pytest.raises(InputError, match=r"^[^\n]*mine\.txt: not readable as a table \([^\n]+\)\. Mend or replace it\.$"):
        given_numbers(file(text))


# --- YAML and JSON


def bomb(first, inner, n_levels=30):
    """Return YAML whose aliases stand for 9 ** n_levels values; `inner` puts an alias into the next one."""
    return f"k0: &k0 {first}\n" + "".join(f"k{n}: &k{n} {inner(n - 1)}\n" for n in range(1, n_levels))


BOMBS = {
    "lists": bomb("[x]", lambda n: f"[{', '.join([f'*k{n}'] * 9)}]"),
    "mappings": bomb("{x: 1}", lambda n: f"{{{', '.join(f'x{k}: *k{n}' for k in range(9))}}}"),
    "merged": bomb("{x: 1}", lambda n: f"{{<<: [{', '.join([f'*k{n}'] * 9)}]}}"),
    "chain": bomb("{x: 1}", lambda n: f"{{<<: *k{n}, y: *k{n}}}", 2000),
    "list in itself": "k0: &k0 [*k0]",
    "mapping in itself": "k0: &k0 {x: *k0}",
    "in itself further in": "k0: &k0 {x: {y: [1, *k0]}}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_aliases_that_stand_for_too_much_are_refused_at_once(file, name):
    before = time.monotonic()
    with pytest.raises(
        InputError, match=r"mine\.txt: line \d+: more than 100,000 values, with all that aliases \(\*name\) stand"
    ):
        read_yaml(file(BOMBS[name]))
    assert time.monotonic() - before < 10


def test_aliases_that_stand_for_little_are_read(file):
    text = bomb("{x: 1}", lambda n: f"{{<<: *k{n}, y{n}: *k{n}}}", 12)
    assert read_yaml(file(text))["k2"] == {"x": 1, "y0": {"x": 1}, "y1": {"x": 1, "y0": {"x": 1}}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply; expected at most 40 levels"),
        ("a: " + "[x, " * 5_000, "nested too deeply; expected at most 40 levels"),
        (
            "a: " + "9" * 5000,
            r"not readable as YAML \(Exceeds the limit \(4300 digits\) for integer string conversion: value has 50",
        ),
        ('{"a": ' + "9" * 5000 + "}", r"not readable as YAML \(Exceeds the limit"),
        ("a: !!bool x", "not readable as YAML"),
        ("a: !!int ''", "not readable as YAML"),
        ("a: !!timestamp x", "not readable as YAML"),
        ("a: !!python/name:os.system x", "not readable as YAML .*could not determine a constructor"),
        ("? [a]\n: b", "not readable as YAML .*unhashable key"),
        ("#" * (1 << 18) + "\n", "262,145 bytes; expected at most 262,144"),
        ('{"a": 1, "b": 2, "a": 3}', "key 'a' stands twice in one mapping"),
    ],
)
def test_what_is_no_yaml_or_too_much_is_refused_in_one_line(file, text, message):
    with pytest.raises(InputError, match=rf"^[^\n]*mine\.txt: {message}[^\n]*$"):
        read_yaml(file(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 2021-01-01", "a: expected text, a number, .* got a date, '2021-01-01'. Put text in quotes."),
        ("a: 2021-01-01 10:00:00", "a: expected text, .* got a datetime, '2021-01-01 10:00:00'."),
        ("a: !!set {b}", "a: expected text, .* got a set, "),
        ("a: !!binary aGk=", "a: expected text, .* got a bytes, "),
        ("a: !!omap [b: 1]", r"a\.0: expected text, .* got a tuple, "),
        ("2021-01-01: a", r"expected text as a key, got datetime\.date\(2021, 1, 1\)\. Put the key in quotes"),
        ('a: "\\ud800"', r"a: expected characters, got half of one in '\\ud800'"),
        ('{"a\\ud800": 1}', r"expected characters, got half of one in 'a\\ud800'"),
        ("a: 0x" + "f" * 5000, "a: expected a finite number, got one too large for a computer"),
        (f"a: {'x' * 10_001}", r"a: expected text of at most 10,000 letters, got 10,001: 'xxx.*\.\.\.\."),
        (f'{{"{"x" * 10_001}": 1}}', "expected text of at most 10,000 letters, got 10,001: 'xxx"),
        ("[" * 60 + "]" * 60, r"0\.0\..*: nested too deeply; expected at most 40 levels"),
    ],
)
def test_values_that_json_does_not_have_are_refused_whatever_the_schema(file, text, message):
    with pytest.raises(InputError, match=rf"^mine: {message}"):
        check(read_yaml(file(text)), ANY, "mine")


def test_a_value_is_cut_to_the_length_of_a_message():
    assert written.cut("x" * 1000) == f"'{'x' * 59}..."
    assert written.cut(datetime.date(2021, 1, 1)) == "datetime.date(2021, 1, 1)"
