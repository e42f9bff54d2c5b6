"""The shape of the project: which module may import which, how scripts look, that rules and scripts share their names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

# first what runs of the workflow share, then the sections of the methods, in the order of a paper; a section may import those
# above it and what lies at the top of the package
SECTIONS = (
    "run",
    "stimuli",
    "recordings",
    "mousenet",
    "models",
    "training",
    "features",
    "methods",
    "neurons",
    "inference",
    "paper",
)
DOORS = {"cli", "notebook"}  # stand above all sections, and nothing imports them
RULE = r"^ *(?:rule|checkpoint) (\w+):\n((?:    .*\n|\n)+?)(?=^ *(?:rule|checkpoint|use|else|if)\b|^#|\Z)"
MAX_FUNCTION_LINES, MAX_FILE_LINES, MAX_SCRIPT_LINES = 50, 300, 30


def python_files(root: Path, folder: str) -> list[Path]:
    return sorted((root / folder).rglob("*.py"))


def imported(file: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}".split(".") for node in nodes for alias in node.names]
    return {parts[1] for parts in names if parts[0] == "dormouse"}


def test_sections_import_those_above_them_alone(root):
    package = root / "src" / "dormouse"
    top = {file.stem for file in package.glob("*.py")} - DOORS
    for file in python_files(root, "src"):
        own = file.relative_to(package).parts[0]
        own_place = SECTIONS.index(own) + 1 if own in SECTIONS else len(SECTIONS) if own.removesuffix(".py") in DOORS else 0
        above = SECTIONS[:own_place]
        beyond = imported(file) - top - set(above)
        assert not beyond, f"{file.relative_to(package)} imports {beyond}"


def test_package_rules_and_tests_have_the_same_sections(root):
    def folders(place):
        return {path.name for path in (root / place).iterdir() if path.is_dir()} - {"__pycache__"}

    assert folders("src/dormouse") == set(SECTIONS)
    assert folders("tests") - {"__pycache__"} == {*SECTIONS, "workflow", "benchmarks", "slurm", "data"}
    assert {file.stem for file in (root / "workflow/rules").glob("*.smk")} == {
        *SECTIONS,
        "common",
        "allen",
        "package",
        "tables",
    }


def test_package_is_imported_by_name_so_that_the_hash_of_code_follows_it(root):
    for file in [*python_files(root, "src"), *python_files(root, "workflow/scripts")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("dormouse") for alias in node.names), file
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, file


def test_package_does_not_know_the_workflow(root):
    for file in python_files(root, "src"):
        code = ast.parse(file.read_text())
        names = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
        assert "snakemake" not in names, file
        assert all("snakemake" not in (node.module or "") for node in ast.walk(code) if isinstance(node, ast.ImportFrom))
    assert all(file.read_text() == "" for file in (root / "src").rglob("__init__.py"))


def test_scripts_read_call_and_write(root):
    forbidden = ast.FunctionDef | ast.ClassDef | ast.For | ast.While | ast.If | ast.Try | ast.Lambda | ast.comprehension
    for file in python_files(root, "workflow/scripts"):
        assert len(file.read_text().splitlines()) <= MAX_SCRIPT_LINES, file
        assert not any(isinstance(node, forbidden) for node in ast.walk(ast.parse(file.read_text()))), file
        assert "begin(snakemake)" in file.read_text(), file


def test_every_rule_has_its_script_and_its_log_and_every_script_its_rule(root):
    rules = {}
    for file in (root / "workflow/rules").glob("*.smk"):
        for name, body in re.findall(RULE, file.read_text(), re.MULTILINE):
            rules[name] = body
            assert f'"../scripts/{name}.py"' in body, name
            assert f"/logs/{name}" in body, name
            # downloads are not repeated when code changes
            assert f'code("{name}")' in body or name.startswith("download"), name
    assert set(rules) == {file.stem for file in python_files(root, "workflow/scripts")}


def test_keys_in_the_paths_of_inputs_are_parameters(root):
    """Snakemake does not run a job again whose outputs are there because an input has another path."""
    for file in (root / "workflow/rules").glob("*.smk"):
        for name, body in re.findall(RULE, file.read_text(), re.MULTILINE):
            inputs, _, rest = body.partition("output:")
            _, _, params = rest.partition("params:")
            if "STIMULI" in inputs and name != "extract_features":  # whose outputs have the key
                assert "images=IMAGES" in params, name
            if "kernel_files" in inputs:
                assert "kernels=" in params and "kernel_files" in params, name


def test_no_parameter_is_a_function_of_input_which_snakemake_would_not_compare(root):
    for file in (root / "workflow/rules").glob("*.smk"):
        assert not re.search(r"lambda \w+, *(input|output|threads|resources)", file.read_text()), file


def test_functions_and_files_are_short(root):
    python = [file for folder in ("src", "workflow", "tests", "docs") for file in python_files(root, folder)]
    for file in [*python, root / "workflow/Snakefile", *(root / "workflow").rglob("*.smk")]:
        assert len(file.read_text().splitlines()) <= MAX_FILE_LINES, file
    for file in python:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{file.name}: {node.name}"


def test_no_module_runs_text_or_unpickles(root):
    dangerous = re.compile(r"(?<!\.)\b(eval|exec)\(|pickle\.load|allow_pickle=True|weights_only=False|yaml\.load\(")
    for file in [*python_files(root, "src"), *python_files(root, "workflow"), *(root / "workflow").rglob("*.smk")]:
        assert not dangerous.search(file.read_text()), file


WITHOUT_NETWORK = ["score_rdms", "score_responses", "resample_scores", "compare_models", "judge_data", "check_nulls"]
WITHOUT_NETWORK += ["choose_layers", "select_neurons"]


def test_jobs_that_run_no_network_do_not_import_torch(root):
    """One process imports what one script after the other does."""
    lines = ["import sys"]
    for script in WITHOUT_NETWORK:
        tree = ast.parse((root / "workflow/scripts" / f"{script}.py").read_text())
        lines += [ast.unparse(node) for node in tree.body if isinstance(node, ast.ImportFrom)]
        lines.append(f"assert 'torch' not in sys.modules, '{script}'")
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_the_start_of_the_workflow_imports_nothing_that_takes_long(root):
    """Every dry run, and every start of a run, would take a second or two more."""
    heavy, imports = (
        {"torch", "scipy", "sklearn", "matplotlib"},
        re.compile(r"^from dormouse[^(\n]*(?:\([^)]*\))?", re.MULTILINE),
    )
    lines = [line for file in (root / "workflow").rglob("*.smk") for line in imports.findall(file.read_text())]
    assert len(lines) > 30
    told = ["import sys", *lines, f"assert not {heavy} & sys.modules.keys(), {heavy} & sys.modules.keys()"]
    done = subprocess.run([sys.executable, "-c", "\n".join(told)], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_jobs_that_score_do_not_depend_on_how_a_method_is_shown(root):
    """Their parameter `methods` leaves labels out; a new label would otherwise run them again."""
    for name in ("methods", "inference"):
        rows = re.findall(r"^ +methods=(.*),$", (root / f"workflow/rules/{name}.smk").read_text(), re.MULTILINE)
        assert rows and all("computed(" in row or "targets_of(" in row for row in rows), rows
