"""The table of sources, and what must have a place for each of them."""

import subprocess
import sys

import pytest
import yaml

from dormouse.code_hash import script_code
from dormouse.models.build import INPUTS
from dormouse.models.loaders import BASELINES, LOADERS
from dormouse.models.sources import SOURCES
from dormouse.models.weights import ADDRESSES


@pytest.fixture(scope="module")
def schemas(root):
    return {
        name: yaml.safe_load((root / f"workflow/schemas/{name}.schema.yaml").read_text())["properties"]
        for name in ("config", "models")
    }


def test_every_source_has_a_loader():
    assert LOADERS.keys() == SOURCES.keys()


def test_every_source_that_publishes_weights_tells_their_address_and_their_input():
    published = {name for name, source in SOURCES.items() if source.published}
    assert published == ADDRESSES.keys() == INPUTS.keys()


def test_every_baseline_is_named():
    assert BASELINES.keys() == SOURCES["baseline"].names()


def test_every_source_can_be_named_in_the_table_of_models_or_in_the_configuration(schemas):
    in_table = set(schemas["models"]["source"]["enum"])
    added = schemas["config"]["models"]["properties"]["add"]["additionalProperties"]
    assert in_table | set(added["properties"]["source"]["enum"]) == SOURCES.keys()


def test_networks_that_are_trained_here_come_from_a_source(schemas):
    network = schemas["config"]["training"]["additionalProperties"]["properties"]["network"]
    assert set(network["properties"]["source"]["enum"]) <= SOURCES.keys()


def test_names_are_found_without_importing_a_library_of_networks():
    check = (
        "import sys; from dormouse.models import registry, sources\n"
        "assert all(source.names() for source in sources.SOURCES.values() if source.names)\n"
        "assert not {'torch', 'torchvision', 'timm'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize("script", ["extract_features", "check_network", "measure_units", "train_network"])
def test_a_script_that_builds_networks_runs_again_when_a_loader_changes(root, script):
    reached = script_code(root / "workflow/scripts" / f"{script}.py")
    modules = ("models/loaders", "models/baselines", "models/taskonomy", "models/checkpoints", "mousenet/network")
    assert {f"dormouse/{module}.py" for module in modules} <= reached.keys()
