"""The environments of conda and of the container rest on the same versions as the package."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
OF_CONDA = {"matplotlib-base": "matplotlib", "seaborn-base": "seaborn"}  # names that conda-forge has for packages of the index
DISTRIBUTIONS = {
    "PIL": "pillow",
    "nrrd": "pynrrd",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}
NOT_OURS = {"pip", "allensdk"}  # AllenSDK has an environment of its own, with what it needs


def ranges() -> dict[str, Requirement]:
    """Return what pyproject.toml asks for, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {requirement.name: requirement for requirement in map(Requirement, listed)}


def named(environment: Path) -> list[Requirement]:
    """Return the packages of an environment of conda, but for Python itself."""
    lines = []
    for line in yaml.safe_load(environment.read_text())["dependencies"]:
        lines += line["pip"] if isinstance(line, dict) else [line]
    found = [Requirement(re.sub(r"^([\w-]+) ?(.*)$", r"\1 \2", line)) for line in lines]
    for requirement in found:
        requirement.name = OF_CONDA.get(requirement.name, requirement.name)
    return [requirement for requirement in found if requirement.name not in {*NOT_OURS, "python"}]


@pytest.mark.parametrize("environment", [path for path in ENVIRONMENTS if path.stem != "allensdk"], ids=lambda path: path.stem)
def test_ranges_are_those_of_the_package(environment):
    ours, theirs = ranges(), named(environment)
    assert len(theirs) > 10
    for requirement in theirs:
        assert requirement.specifier == ours[requirement.name].specifier, requirement


def packages(file: Path, seen: set[Path]) -> set[str]:
    """Return the top names of what a module imports when it is imported itself, from module to module of ours."""
    if file in seen:
        return set()
    seen.add(file)
    found = set()
    for node in ast.parse(file.read_text()).body:
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in imported:
            if not name.startswith("dormouse"):
                found.add(name.partition(".")[0])
                continue
            path = ROOT / "src" / name.replace(".", "/")
            found |= packages(next(p for p in (path.with_suffix(".py"), path.parent.with_suffix(".py")) if p.is_file()), seen)
    return found - sys.stdlib_module_names


@pytest.mark.parametrize("environment", ["analysis", "torch"])
def test_scripts_find_what_they_import(environment):
    """What modules import as they are imported themselves; functions may import more."""
    names = {requirement.name for requirement in named(ROOT / f"envs/{environment}.yaml")} | {"snakemake"}
    rules = "".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    scripts = re.findall(rf'envs/{environment}\.yaml".*?scripts/(\w+)\.py"', rules, re.DOTALL)
    assert len(scripts) > 5
    for script in scripts:
        needed = packages(ROOT / f"workflow/scripts/{script}.py", set())
        assert {DISTRIBUTIONS.get(name, name) for name in needed} <= names, script


def test_exact_versions_lie_within_the_ranges():
    exact = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            exact.setdefault(requirement.name.lower().replace("_", "-"), []).append(requirement)
    for name, requirement in ranges().items():
        for pin in exact[name.lower().replace("_", "-")]:
            (version,) = pin.specifier
            assert version.operator == "==" and requirement.specifier.contains(version.version), pin


def test_the_container_installs_exact_versions():
    text = (ROOT / "envs/Dockerfile").read_text()
    assert text.startswith("# Not built on the machines that test Dormouse")
    assert "--constraint constraints.txt" in text
    (version,) = re.findall(r"^FROM python:(3\.\d+)-slim$", text, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]
