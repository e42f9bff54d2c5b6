"""README and docs agree with the code; links hold; each command is run by a test, or says what it needs."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from snakemake_process import WORKFLOW_TIMEOUT_S, run_snakemake

from dormouse.recordings.dataset_folder import DESCRIPTION
from dormouse.schemas import check, check_layers
from dormouse.tables import TABLES, write_table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import flow  # noqa: E402
import generate  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "config/README.md"]
README_LINES = 80
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"# needs (internet|a GPU|a cluster)\b")
MADE_LATER = {"resources/weights", "resources/allen/cache/manifest.json"}  # what a run makes
# Commands that a test plans here, as they stand but for -n, in a folder with the data set that docs/data.md writes.
PLANNED = (
    "snakemake -n",
    "snakemake --cores 8 --configfile mine.yaml",
    "snakemake -n --configfile demo.yaml reliable.yaml",
    "snakemake --cores 8 --config dataset=my-mice run=first",
    "snakemake --cores 8 --set-resources extract_features:mem_mb=16000",
)
REPORT = "tests/workflow/test_workflow.py::test_snakemake_writes_its_own_report"
# Other commands, and the test that runs each, or one that differs in names alone.
RUN = {
    **dict.fromkeys(PLANNED, "tests/test_docs.py::test_commands_plan_a_run"),
    "source .venv/bin/activate": "",  # of the shell
    "snakemake -n --configfile mine.yaml": "tests/test_docs.py::test_commands_plan_a_run",
    "snakemake --cores 8 --configfile mousenet.yaml --config dataset=path/to/my-mice": (
        "tests/test_unit_statistics.py::test_what_readers_are_told_to_run_can_be_run"
    ),
    "snakemake --cores 8 --snakefile path/to/dormouse/Snakefile": "tests/test_docs.py::test_commands_plan_a_run",
    "snakemake --report report.html": REPORT,
    "snakemake --configfile demo.yaml --report times.html": REPORT,
    "dormouse provenance results/demo/tables/scores.parquet": (
        "tests/test_cli.py::test_of_a_table_its_columns_and_what_they_mean_are_printed"
    ),
    ".venv/bin/python tests/kills.py --kills 51 --seed 0": (
        "tests/workflow/test_kills.py::test_a_run_that_was_killed_and_damaged_ends_in_the_same_tables"
    ),
    "snakemake -s workflow/paper.smk --cores 2 --config results=results/demo": (
        "tests/workflow/test_workflow.py::test_tables_alone_give_the_same_figures_and_report"
    ),
    "snakemake write_exports --cores 2": "tests/workflow/test_paper.py::test_exports_are_made_from_tables_alone",
    "make docs": "tests/test_docs.py::test_pages_agree_with_the_code",
    ".venv/bin/python tests/benchmarks/ridge.py --help": "tests/test_docs.py::test_a_benchmark_explains_itself",
    ".venv/bin/python -m pytest tests/methods": "",  # of the suite itself
    '.venv/bin/python -m pytest -m "not workflow"': "",
}


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the contents of the blocks of a page in one of some languages; "" is the shell."""
    return [text for language, text in BLOCK.findall(page.read_text()) if language in languages]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_readme_is_one_screen():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_pages_agree_with_the_code():
    made = generate.pages()
    assert {path.name for path in made} == {"configuration.md", "contributing.md", "methods.md", "outputs.md"}
    for path, text in made.items():
        assert path.read_text() == text, f"{path}: run `make docs`"


@pytest.mark.workflow
def test_the_picture_of_the_flow_agrees_with_the_rules():
    assert (ROOT / "docs/flow.svg").read_text() == flow.draw_flow(ROOT), "docs/flow.svg: run `make docs`"


def anchors(page: Path) -> set[str]:
    """Return the places in a page that a link can name."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_and_every_file_exists(page):
    text = BLOCK.sub("", page.read_text())
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, place = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not place or place in anchors(file), target
    for file in re.findall(r"`((?:src|tests|workflow|profiles|envs|resources|config|docs)/[\w./-]*)`", text):
        assert (ROOT / file).exists() or file in MADE_LATER, file


def commands(page: Path) -> list[str]:
    return [line for text in blocks(page, "", "sh", "bash") for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_run_by_a_test_or_says_what_it_needs(page):
    for line in commands(page):
        command = re.split(r"\s+# ", line)[0].strip()
        if NEEDS.search(line):
            continue
        assert command in RUN, f"{command}: name the test that runs it, or say `# needs internet` (or a GPU, or a cluster)"
        file, _, test = RUN[command].partition("::")
        assert not file or f"def {test}(" in (ROOT / file).read_text(), RUN[command]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_name_files_rules_and_targets_that_there_are(page):
    rules = {file.stem for file in (ROOT / "workflow/scripts").glob("*.py")}
    for line in commands(page):
        words = shlex.split(line, comments=True)
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/")), line
        assert words[0] != "make" or re.search(rf"^{words[1]}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE), line
        assert "--until" not in words or words[words.index("--until") + 1] in rules, line


def test_no_command_is_named_that_no_page_shows():
    shown = {re.split(r"\s+# ", line)[0].strip() for page in PAGES for line in commands(page)}
    assert set(RUN) <= shown


@pytest.fixture(scope="module")
def working_folder(tmp_path_factory) -> Path:
    """Give a folder with the data set that docs/data.md writes, a configuration with few models, and changes to it."""
    folder = tmp_path_factory.mktemp("reader")
    example, *_ = blocks(ROOT / "docs/data.md", "python")
    subprocess.run([sys.executable, "-c", example], cwd=folder, check=True)
    few = re.sub(r"^  groups: .*$", "  groups: [baselines]", (ROOT / "config.yaml").read_text(), flags=re.MULTILINE)
    (folder / "config.yaml").write_text(few)
    (folder / "demo.yaml").write_text((ROOT / "demo.yaml").read_text())
    (mine,) = (text for text in blocks(ROOT / "docs/data.md", "yaml") if "# mine.yaml" in text)
    (folder / "mine.yaml").write_text(mine)
    (reliable,) = blocks(ROOT / "docs/tutorial.md", "yaml")
    (folder / "reliable.yaml").write_text(reliable)
    return folder


@pytest.mark.workflow
@pytest.mark.parametrize("command", PLANNED)
def test_commands_plan_a_run(command, working_folder):
    _, *words = shlex.split(command)
    words += ["--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles/default")]
    words += ["--cores", "2", *["-n"] * ("-n" not in words)]
    done = run_snakemake(words, working_folder, {}, WORKFLOW_TIMEOUT_S)
    assert done.returncode == 0, done.stdout
    assert "extract_features" in done.stdout


def test_a_benchmark_explains_itself():
    command = [sys.executable, ROOT / "tests/benchmarks/ridge.py", "--help"]
    assert "usage" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configurations_fit_the_schema(page):
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    whole = yaml.safe_load((ROOT / "config.yaml").read_text())
    for text in blocks(page, "yaml"):
        if (part := yaml.safe_load(text)).keys() <= schema["properties"].keys():
            check_layers([("config.yaml", whole), (name_of(page), part)], schema)
        elif "profiles/slurm" in text:
            assert part.keys() <= yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text()).keys()
        elif "kind" in part:
            check(part, DESCRIPTION, name_of(page))
        else:  # lines of a network, in the comments of config.yaml
            assert page.name == "configuration.md", text


def test_tables_are_read_as_outputs_says(tmp_path):
    row = {name: "x" if str(kind) == "string" else 1 for name, (kind, _) in TABLES["scores"].items()}
    path = tmp_path / "results/demo/tables/scores.parquet"
    path.parent.mkdir(parents=True)
    write_table("scores", pd.DataFrame([row]), path)
    (example,) = blocks(ROOT / "docs/outputs.md", "python")
    subprocess.run([sys.executable, "-c", f"{example}\nassert best.iloc[0] == 1"], cwd=tmp_path, check=True)


def texts() -> list[str]:
    """Return every text of the package, with a blank for each value that is put into it, and the rules as they stand."""
    found = [file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk")]
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_messages_that_are_explained_are_those_of_the_code():
    known = texts()
    shown = re.findall(r"^\| `(.*?)` \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    assert len(shown) > 40
    for message in shown:
        parts = [part.strip() for part in message.split("...")]
        assert any(all(part in text for part in parts) for text in known), message
