"""Files that were made to harm, or broken in rare ways: refused in a moment, within little memory, by one line."""

import io
import json
import os
import re
import struct
import tarfile
import tempfile
import zipfile

import pytest
import torch
import yaml
from torch import nn

from dormouse.errors import InputError
from dormouse.models.build import build
from dormouse.models.checkpoints import fit, read_state

pytestmark = pytest.mark.usefixtures("one_thread")

NO_STATE = r"expected a state dict, names to tensors; "
LINEAR = {"weight": torch.ones(3, 2), "bias": torch.ones(3)}


def rewritten(path, change) -> None:
    """Write a file as torch.save does, with what `change` makes of the name and bytes of each part of it."""
    saved = io.BytesIO()
    torch.save(LINEAR, saved)
    with zipfile.ZipFile(saved) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts.infolist():
            content, how = change(part.filename, parts.read(part)), zipfile.ZIP_STORED
            archive.writestr(part.filename, content, zipfile.ZIP_DEFLATED if len(content) > 1 << 20 else how)


def bomb(path):
    rewritten(path, lambda name, content: bytes(100 << 20) if name.endswith("data/0") else content)


def nested(path):
    """Write a pickle of 100,000 mappings, each inside another."""
    n = 100_000
    pickled = b"\x80\x02" + b"}X\x01\x00\x00\x00a" * n + b"K\x01" + b"s" * n + b"."
    rewritten(path, lambda name, content: pickled if name.endswith("data.pkl") else content)


def laughing(path):
    """Write 60 mappings, each twice in the next."""
    value = {"n": 1}
    for _ in range(60):
        value = {"a": value, "b": value}
    torch.save(value, path)


def cyclic(path):
    value = {"epoch": 1}
    torch.save(value | {"again": [value, value]}, path)
    value["itself"] = value
    torch.save(value, path)


def safetensors(header: dict, length: int | None = None):
    def write(path):
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", length or len(text)) + text)

    return write


def saved(value):
    return lambda path: torch.save(value, path)


FILES = {
    "zip bomb": (
        bomb,
        r"unpacks to \d+ bytes, more than its \d+\. Save it uncompressed, by torch\.save\.",
    ),
    "nesting": (nested, NO_STATE),
    "a mapping in 2 ** 60 places": (laughing, NO_STATE),
    "a mapping in itself": (cyclic, NO_STATE),
    "keys that are no text": (saved({0: torch.zeros(2), 1: torch.zeros(3)}), NO_STATE),
    "a key of 5,000 digits": (saved({10**5000: LINEAR}), "not a readable file of weights"),
    "nested tensors": (saved({"weight": torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)])}), NO_STATE),
    "a tensor of terabytes": (
        saved(LINEAR | {"weight": torch.zeros(1).expand(1 << 45)}),
        r"misshapen \(weight \(35184372088832,",
    ),
    "terabytes in a header": (
        safetensors({"weight": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}),
        "not a readable file of weights",
    ),
    "a header of terabytes": (safetensors({}, 1 << 42), "not a readable file of weights"),
    "a tensor of nothing": (
        safetensors({"weight": {"dtype": "F32", "shape": [0, 1 << 60], "data_offsets": [0, 0]}}),
        r"1 missing \(bias\); 1 misshapen \(weight \(0, 1152921504606846976\) instead of \(3, 2\)\)",
    ),
    "without numbers": (saved(LINEAR | {"weight": torch.zeros(3, 2, device="meta")}), r"1 without real numbers \(weight\)"),
    "complex": (saved(LINEAR | {"weight": torch.zeros(3, 2, dtype=torch.cfloat)}), r"1 without real numbers \(weight\)"),
    "long keys and lines": (
        saved(LINEAR | {"k" * 100_000: torch.zeros(1), "a\nb": torch.zeros(1)}),
        r"2 unknown \('k{100}'\.\.\., 'a\\nb'\.\.\.\)",
    ),
    "TorchScript": (
        lambda path: torch.jit.save(torch.jit.script(nn.Linear(2, 3)), path),
        r"TorchScript\. Read it with torch\.jit",
    ),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The PyTorch API of nested tensors")
def test_a_file_that_could_harm_is_refused_by_one_line(tmp_path, kind):
    path = tmp_path / "weights.pt"
    write, message = FILES[kind]
    write(path)
    with pytest.raises(InputError, match=message) as caught:
        fit(nn.Linear(2, 3), read_state(path)[0])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"not a readable file of weights \(FileNotFoundError: no such file\)"):
        read_state(tmp_path / "weights.pt")


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(
    ("source", "name", "key"), [("torchvision", "squeezenet1_1", "features.0.bias"), ("timm", "test_vit", "norm.bias")]
)
def test_weights_that_are_not_finite_are_refused(tmp_path, source, name, key, value):
    spec = {"source": source, "name": name, "seed": 0, "file": None}
    state, path = build(spec).state_dict(), tmp_path / "weights.pt"
    state[key][0] = value
    torch.save(state, path)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: {re.escape(key)} holds NaN or infinity\."):
        build(spec | {"file": str(path)})


@pytest.mark.parametrize(
    "bias", [torch.zeros(1).expand(1 << 45), torch.tensor(1.0), torch.zeros(0)], ids=["vast", "scalar", "none"]
)
def test_a_mousenet_is_not_built_for_any_number_of_classes(tmp_path, root, bias):
    options = yaml.safe_load((root / "config.yaml").read_text())["mousenet"]["variants"]["small"]
    torch.save({"classifier.bias": bias}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"weights\.pt: the weights do not fit MouseNet: .* missing"):
        build({"source": "mousenet", "name": "small", "seed": None, "file": str(tmp_path / "weights.pt"), "options": options})


@pytest.mark.parametrize("members", [(), ("storages", "tensors", "pickle")])
def test_a_tar_archive_is_refused_and_nothing_of_it_is_unpacked(tmp_path, monkeypatch, members):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    made = []
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *args, **kwargs: made.append(args) or str(tmp_path / "temporary"))
    path = tmp_path / "old.pt"
    with tarfile.open(path, "w") as archive:
        for name in members:
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(InputError, match=r"old\.pt: not a readable file of weights .*a tar archive"):
        read_state(path)
    assert not made
