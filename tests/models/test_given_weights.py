"""Users' own files of weights are checked when the workflow starts, each once as long as nothing changes."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from dormouse.errors import InputError
from dormouse.models import given_weights
from dormouse.models.build import build
from dormouse.models.given_weights import check_given_weights

SQUEEZENET = {"source": "torchvision", "name": "squeezenet1_1", "options": {}, "key": None, "seed": None, "address": ""}


@pytest.fixture
def line(tmp_path, monkeypatch):
    """Give the specification of a model by the name of its file of weights, which is written to the working directory."""
    monkeypatch.chdir(tmp_path)

    def line(file: str, **changed) -> dict:
        if not (tmp_path / file).exists():
            (tmp_path / file).write_text(file)
            os.utime(tmp_path / file, (0, 0))
        return SQUEEZENET | {"file": file, "weights": file, "input": {}} | changed

    # hashes of files that changed a moment ago are not kept
    monkeypatch.setattr("dormouse.content_hash.UNSETTLED_NS", -time.time_ns())
    return line


@pytest.fixture
def checked(monkeypatch):
    """Give the names of models that a process was started to check, in order; those in `wrong` do not fit."""
    result = SimpleNamespace(names=[], wrong={}, status=0)

    def run(command, input, **options):
        asked = json.loads(input)
        result.names += asked
        found = {model: message for model, message in result.wrong.items() if model in asked}
        return SimpleNamespace(returncode=result.status, stdout=f"chatter\n{json.dumps(found)}\n", stderr="one\nkilled\n")

    monkeypatch.setattr(given_weights.subprocess, "run", run)
    return result


def test_a_file_is_checked_once_and_again_when_it_or_its_line_changes(line, checked, tmp_path):
    for _ in range(3):
        check_given_weights({"one": line("a.pt"), "two": line("b.pt")})
    assert checked.names == ["one", "two"]
    check_given_weights({"other_name": line("a.pt"), "two": line("b.pt", input={"size": 64})})
    assert checked.names == ["one", "two"]
    (tmp_path / "a.pt").write_text("other weights")
    check_given_weights({"one": line("a.pt"), "two": line("b.pt", options={"classes": 7})})
    assert checked.names == ["one", "two"] * 2


def test_what_does_not_fit_is_checked_until_it_does(line, checked):
    models = {model: line(f"{model}.pt") for model in ("one", "two", "three")}
    checked.wrong = {"one": "one.pt: empty", "three": "three.pt: too small"}
    told = "config: models.add.one.weights: one.pt: empty\nconfig: models.add.three.weights: three.pt: too small"
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            check_given_weights(models)
        assert str(caught.value) == told
    assert checked.names == ["one", "two", "three", "one", "three"]
    checked.wrong = {}
    check_given_weights(models)
    check_given_weights(models)
    assert checked.names[5:] == ["one", "three"]


def test_only_files_that_a_user_gives_to_networks_of_others_are_checked(line, checked):
    check_given_weights(
        {
            "function": line("a.pt", source="python", name="nets:build"),
            "fetched": line("b.pt", address="https://x.y/b.pt"),
            "trained": line("c.pt", weights="trained:run"),
            "random": line("d.pt") | {"file": None, "weights": "random", "seed": 0},
        }
    )
    assert checked.names == []


def test_a_check_that_fails_itself_stops_nothing(line, checked, capsys):
    checked.status = -9
    for _ in range(2):
        check_given_weights({"one": line("a.pt")})
    assert checked.names == ["one", "one"]
    assert capsys.readouterr().err.endswith("The weights could not be checked before jobs start (killed).\n")


def test_weights_are_checked_as_a_job_reads_them(line, tmp_path):
    good = line("good.pt")
    torch.save(build(good | {"file": None}).state_dict(), tmp_path / "good.pt")
    (tmp_path / "torch.py").write_text("1 / 0")  # of the user's, and not imported
    with pytest.raises(InputError) as caught:
        check_given_weights({"good": good, "bad": line("bad.pt")})
    assert str(caught.value).startswith("config: models.add.bad.weights: bad.pt: not a readable file of weights (")


def test_the_process_that_starts_jobs_does_not_import_torch():
    code = "import sys, dormouse.models.given_weights; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
