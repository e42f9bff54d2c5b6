"""The project as a user has it: a copy of what the workflow needs, with its results, run by the command line."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from snakemake_process import WORKFLOW_TIMEOUT_S, run_snakemake

PARTS = (
    "Snakefile",
    "config.yaml",
    "src",
    "workflow",
    "profiles",
    "resources/models.tsv",
    "resources/methods.yaml",
    "resources/contrasts.yaml",
    "resources/citations.yaml",
    "resources/figures.yaml",
    "resources/targets.yaml",
    "resources/allen_stimuli.csv",
    "resources/mousenet",
    "envs",
)
FIGURES = ("scores", "thresholds", "area_pages", "units")  # of every kind; tests/paper and a run of little data draw all
SMALL = {
    "dataset": "demo",
    "areas": ["VISp", "VISl"],
    "demo": {"n_scenes": 12, "n_trials": 4, "n_neurons": 8, "height": 32},
    "reliability": {"n_splits": 10},
    "selection": {"min_reliability": -1.0},
    "methods": {"run": ["rsa_pearson", "rsa_spearman", "ridge_srp", "ridge_zscore"]},
    "inference": {"n_boot": 50, "n_permutations": {"rdm": 20, "responses": 20}},
    "models": {
        "groups": [],
        "include": ["pixels"],
        "add": {"small": {"source": "torchvision", "name": "squeezenet1_1", "weights": "random", "input": {"size": 64}}},
    },
}


class Project:
    """A copy of the project, with its results and a few of its figures, run by the command line."""

    def __init__(self, root: Path, folder: Path):
        self.root, self.folder = root, folder
        for part in PARTS:
            source, target = root / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)  # with what was compiled
            else:
                shutil.copy(source, target)
        table = folder / "resources/figures.yaml"
        listed = yaml.safe_load(table.read_text())
        listed["figures"] = {name: listed["figures"][name] for name in FIGURES}
        table.write_text(yaml.safe_dump(listed, sort_keys=False))

    def copied(self, folder: Path, copy: Callable = shutil.copy2) -> "Project":
        """Return a copy, with its results, for a test to change."""
        project = Project.__new__(Project)
        project.root, project.folder = self.root, shutil.copytree(self.folder, folder, copy_function=copy)
        return project

    def command(self, *arguments: str, config: dict) -> list[str]:
        (self.folder / "small.yaml").write_text(yaml.safe_dump(config))
        return [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "small.yaml"]

    def run(self, *arguments: str, config: dict = SMALL) -> str:
        _, _, _, *words = self.command(*arguments, config=config)
        done = run_snakemake(words, self.folder, {}, WORKFLOW_TIMEOUT_S)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, config: dict = SMALL) -> dict[str, list[dict]]:
        """Return the wildcards of every job that a dry run would start, by rule."""
        jobs: dict[str, list[dict]] = {}
        for block in re.split(r"\n(?=(?:rule|checkpoint|localrule) )", self.run("--dry-run", config=config)):
            if match := re.match(r"(?:local)?(?:rule|checkpoint) (\w+):\n", block):
                wildcards = re.search(r"^ +wildcards: (.*)$", block, re.MULTILINE)
                pairs = wildcards.group(1).split(", ") if wildcards else []
                jobs.setdefault(match.group(1), []).append(dict(pair.split("=") for pair in pairs))
        jobs.pop("all", None)
        return jobs


def merged(base: dict, change: dict) -> dict:
    """Return a nested mapping with another laid over it."""
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in change.items()
    }
