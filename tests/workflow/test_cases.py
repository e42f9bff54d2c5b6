"""The table of cases, through the command line: each works, or ends in one line that says what to mend.

A new case joins by one row, in the file of the door that it comes through.
"""

import re

import pytest
from cases_arrays import CASES as ARRAYS
from cases_code import CASES as CODE
from cases_configuration import CASES as CONFIGURATION
from cases_images import CASES as IMAGES
from cases_models import CASES as MODELS
from cases_recordings import CASES as RECORDINGS
from cases_run import CASES as RUN
from cases_tables import CASES as TABLES
from project import merged

pytestmark = pytest.mark.workflow

CASES = [*CONFIGURATION, *MODELS, *CODE, *TABLES, *ARRAYS, *IMAGES, *RECORDINGS, *RUN]
DEFAULT = {"dataset": "../mice", "models": {"groups": [], "include": ["pixels"]}}
LONGEST_S = 120  # of a run, so that one that hangs ends


@pytest.mark.parametrize("case", [pytest.param(case, id=case.title, marks=[pytest.mark.slow] * case.slow) for case in CASES])
def test_case(run_workflow, write_dataset, tmp_path, case):
    """The message of a refusal appears once.

    When the workflow starts, nothing follows it but messages like it; after that of a job, other jobs may still end.
    """
    mice, run = write_dataset(tmp_path / "mice"), tmp_path / "run"
    run.mkdir()
    case.change(mice, run)
    config = case.config if isinstance(case.config, str | bytes) else merged(DEFAULT, case.config)
    process = run_workflow(run, *case.arguments, config=config, env=case.environment, timeout=LONGEST_S)
    lines = process.stdout.splitlines()
    for pattern in case.says:
        assert any(re.search(pattern, line) for line in lines), process.stdout
    assert "Traceback" not in process.stdout
    if case.refused is None:
        assert process.returncode == 0, process.stdout
        return
    places = [place for place, line in enumerate(lines) if re.search(case.refused, line)]
    assert process.returncode == 1, process.stdout
    assert len(places) == 1, process.stdout
    if "-n" in case.arguments:
        expected = (case.refused, *case.says)
        assert all(any(re.search(pattern, line) for pattern in expected) for line in lines[places[0] :]), process.stdout
    assert not list(run.glob("results/kernels/*/*/*"))


def test_titles_are_unique():
    assert len({case.title for case in CASES}) == len(CASES)
