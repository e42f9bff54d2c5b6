"""An error ends in the log of its job, in one line where the user can mend it; a suggestion names what is near."""

import re
import shutil
import subprocess
import sys

import pytest

from dormouse.errors import MOST_LETTERS, InputError, suggest


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("resnt", "Did you mean resnet?"),
        ("vgg1", "Did you mean vgg19 or vgg16?"),
        ("pixels", "Known are: resnet, vgg16, vgg19."),
    ],
)
def test_a_suggestion_names_what_is_near_or_everything(word, sentence):
    assert suggest(word, ["vgg19", "resnet", "vgg16"]) == sentence


def run_logged(folder, statement):
    """Run a statement in a process of its own that logs to a file; return its exit status, its log and what it printed."""
    log = folder / "logs" / "job.log"
    code = f"import sys\nfrom dormouse.errors import InputError, log_to\nlog_to(sys.argv[1])\n{statement}\n"
    process = subprocess.run([sys.executable, "-c", code, log], capture_output=True, text=True)
    return process.returncode, log.read_text() if log.exists() else "", process.stdout + process.stderr


def test_an_input_error_ends_in_one_line_of_the_log(tmp_path):
    status, log, printed = run_logged(tmp_path, "raise InputError('neurons.csv: line 3 has no area.')")
    assert status != 0
    assert log == "Error: neurons.csv: line 3 has no area.\n"
    assert printed == ""


def test_an_input_error_with_a_cause_ends_in_one_line_as_well(tmp_path):
    cause = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise InputError('mend this') from error"
    status, log, _ = run_logged(tmp_path, cause)
    assert status != 0
    assert log == "Error: mend this\n"


def test_another_error_ends_in_its_traceback(tmp_path):
    status, log, _ = run_logged(tmp_path, "{}['absent']")
    assert status != 0
    assert log.startswith("Traceback")
    assert "KeyError: 'absent'" in log


def test_what_is_printed_to_standard_error_is_logged_and_success_is_success(tmp_path):
    status, log, _ = run_logged(tmp_path, "print('two presentations are missing', file=sys.stderr)")
    assert (status, log) == (0, "two presentations are missing\n")


def test_a_message_is_one_line_whatever_it_quotes():
    told = str(InputError("a.csv: name 'one\ntwo\x1b[31m\ud800': rename it. " + "x" * 10_000 + " Mend it."))
    assert told.startswith(r"a.csv: name 'one\ntwo\x1b[31m\ud800': rename it. xxx")
    assert told.endswith("xxx Mend it.") and len(told) < MOST_LETTERS + 10


def fill(folder, leaving):
    """Fill the disk of a folder but for some bytes."""
    (folder / "full").write_bytes(bytes(shutil.disk_usage(folder).free - leaving))


@pytest.mark.parametrize("leaving", [0, 16 << 10], ids=["no room", "room for the beginning"])
def test_what_the_log_has_no_room_for_is_printed(small_disk, leaving):
    (small_disk / "logs").mkdir()
    (small_disk / "logs" / "job.log").touch()
    fill(small_disk, leaving)
    status, log, printed = run_logged(
        small_disk, "print('x' * 20_000, file=sys.stderr)\nraise InputError('table.csv: no area.')"
    )
    assert status == 1
    assert printed == "x" * 20_000 + "\nError: table.csv: no area.\n"
    assert set(log) <= {"x"}


def test_a_log_that_cannot_be_opened_loses_nothing(tmp_path):
    (tmp_path / "logs").touch()
    assert run_logged(tmp_path, "raise InputError('table.csv: no area.')") == (1, "", "Error: table.csv: no area.\n")


def test_any_error_of_a_disk_without_room_is_one_line(small_disk):
    fill(small_disk, 8 << 10)
    status, log, printed = run_logged(
        small_disk, f"from pathlib import Path\nPath('{small_disk}/scratch').write_text('x' * 100_000)"
    )
    assert status == 1
    line = r"Error: .*: cannot be written, the disk is full \(.*No space left.*\)\. Make room and run again\.\n"
    assert re.fullmatch(line, log + printed)


@pytest.mark.parametrize("first", ["", "log_to = print\n"], ids=["after the log is open", "before"])
def test_an_interrupt_leaves_no_traceback(tmp_path, first):
    code = f"from dormouse.errors import log_to\n{first}log_to('job.log')\nraise KeyboardInterrupt"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    log = (tmp_path / "job.log").read_text() if not first else process.stderr
    assert process.returncode != 0 and log == "Stopped.\n"
