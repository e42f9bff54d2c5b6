"""The workflow as a module of another one, from another folder, and the layout that the workflow catalogue requires."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from project import SMALL
from web import File

pytestmark = pytest.mark.workflow


@pytest.fixture
def importer(root, tmp_path):
    """Give run(*arguments, config, snakefile): a workflow in another folder that imports this one as config/README.md says."""
    lines = (root / "config/README.md").read_text().split("```python", 1)[1].split("```", 1)[0]
    ours = "path/to/dormouse/workflow/Snakefile"
    assert ours in lines

    def run(*arguments, config=SMALL, snakefile=f"{root}/workflow/Snakefile"):
        (tmp_path / "Snakefile").write_text('configfile: "settings.yaml"\n' + lines.replace(ours, snakefile))
        (tmp_path / "settings.yaml").write_text(yaml.safe_dump({"mine": 1, "dormouse": config}))
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--workflow-profile", root / "profiles/default"],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


def test_another_workflow_imports_this_one(importer, tmp_path):
    made = importer("--until", "read_stimuli")
    assert made.returncode == 0, made.stdout
    assert (tmp_path / "results/run.lock").exists()
    planned = importer("--dry-run")
    assert planned.returncode == 0, planned.stdout
    counts = dict(re.findall(r"^(\w+) +(\d+)$", planned.stdout, re.MULTILINE))
    assert counts.items() >= {"extract_features": "2", "write_report": "1", "all": "1"}.items()
    assert not counts.keys() & {"simulate_recordings", "read_stimuli", "download_weights"}


def test_an_unknown_key_of_the_configuration_is_named(importer):
    done = importer("--dry-run", config=SMALL | {"selecton": {"min_neurons": 3}})
    assert done.returncode == 1
    assert "config of the module: unknown key 'selecton'. Did you mean selection" in done.stdout


def test_an_import_from_an_address_is_refused(importer, root, web):
    for name in ("Snakefile", "rules/package.smk"):
        web.files[f"/workflow/{name}"] = File((root / "workflow" / name).read_bytes())
    done = importer("--dry-run", snakefile=f"{web.address}/workflow/Snakefile")
    assert done.returncode == 1
    assert "not on this machine. Clone dormouse, and import workflow/Snakefile of the clone." in done.stdout


def test_the_project_has_what_the_workflow_catalogue_requires(root):
    usage = yaml.safe_load((root / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert usage["software-stack-deployment"]["conda"] is True and usage["report"] is True
    assert all(isinstance(value, bool) for value in usage["software-stack-deployment"].values())
    for name in ("workflow/Snakefile", "config/README.md", "workflow/schemas/config.schema.yaml"):
        assert (root / name).is_file()
