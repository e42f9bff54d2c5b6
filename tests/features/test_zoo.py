"""The check of every network: what it finds of sound ones, and what it says of others."""

import json
import runpy

import pandas as pd
import pytest
import torch
import yaml
from networks import Scale
from torch import nn

from dormouse.features import zoo_check as zoo
from dormouse.features.memory import RESERVED, resident_bytes
from dormouse.files import write_json
from dormouse.models import build as loaders
from dormouse.models.registry import list_models
from dormouse.tables import read_table, write_table

EPS, SEED = 0.9, 0  # few projections: these tests ask nothing of them
# networks of every source: pixels at which one is checked here (convolutions take small images), its layers and features
CHECKED = {
    "shufflenet_v2_x1_0-random0": (224, 167, 6_283_192),
    "gernet_s-random0": (64, None, None),
    "swin_small_patch4_window7_224-random0": (224, None, None),
    "levit_128-random0": (224, 139, 4_069_560),
    "skresnet18-imagenet": (64, None, None),
    "taskonomy-autoencoding": (64, 162, None),
    "resnet50-jigsaw_p100": (64, 157, None),
    "vit_small_patch16_224-dino": (224, 149, 20_344_200),
    "xcit_small_12_p16_224-dino": (64, None, None),
    "resnet50-dino": (64, 157, None),
    "gabor": (128, 6, 20_480),
}
# other networks have the same sources
HEAVY = ("swin_small_patch4_window7_224-random0", "vit_small_patch16_224-dino", "gernet_s-random0", "skresnet18-imagenet")
GONE = {"source": "torchvision", "name": "no_such_network", "file": None, "code": None, "input": {}}


@pytest.fixture(scope="module")
def models(root) -> dict[str, dict]:
    config = yaml.safe_load((root / "config.yaml").read_text())
    return list_models(pd.read_csv(root / "resources/models.tsv", sep="\t", dtype=str, keep_default_na=False), config)


@pytest.fixture
def add_network(monkeypatch):
    """Give add(make), which lets make() stand for a network of the source python, and returns its specification."""

    def add(make) -> dict:
        monkeypatch.setitem(loaders.LOADERS, "python", lambda name, state: make())
        return {"source": "python", "name": "my:network", "code": "", "input": INPUT}

    return add


INPUT = {"size": 32, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey", "interpolation": "bilinear"}


def check(spec: dict, layers: str = "all", memory_mib: float = 100_000) -> dict:
    return zoo.check_network(spec, layers, ["srp"], EPS, SEED, threads=1, memory_mib=memory_mib)


@pytest.mark.parametrize("model", [pytest.param(name, marks=[pytest.mark.slow] * (name in HEAVY)) for name in CHECKED])
def test_a_network_of_every_source_is_built_and_run(models, model):
    size, n_layers, n_features = CHECKED[model]
    layers = "blocks" if model.startswith("swin") else "all"  # its kernels would take longest
    result = check(models[model] | {"input": models[model]["input"] | {"size": size}}, layers)
    assert result["error"] == ""
    assert result["n_layers"] == (n_layers or result["n_layers"]) > 5
    assert result["n_features"] == (n_features or result["n_features"]) > 10_000
    assert result["n_fixed"] == 0 and result["forecast_mib"] > 500 and result["seconds"] > 0


def test_parameters_are_those_that_the_table_of_models_tells(root, models):
    table = pd.read_csv(root / "resources/models.tsv", sep="\t", dtype=str, keep_default_na=False).set_index("model")
    result = check(models["levit_128-imagenet"])
    assert result["n_parameters"] == int(table.n_parameters["levit_128-imagenet"])


def test_in_short_memory_the_images_of_the_paper_would_run_more_than_once(add_network):
    spec = add_network(lambda: nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU())) | {"input": INPUT | {"size": 224}}
    free, held = check(spec), resident_bytes() / 2**20
    assert (free["error"], free["runs"]) == ("", 1)
    short = check(spec, memory_mib=(held + 0.7 * (free["forecast_mib"] - held)) / (1 - RESERVED))
    assert short["error"] == "" and short["runs"] > 1
    assert short["forecast_mib"] < free["forecast_mib"]


def test_weights_of_a_checked_network_are_not_read(add_network):
    spec = add_network(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())) | {"file": "nowhere.pt"}
    assert check(spec)["error"] == ""


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


class Reading(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(5, generator=torch.Generator().manual_seed(torch.seed() % 2**31)))

    def forward(self, x):
        return x.flatten(1)[:, :5] * self.weight


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (
            Broken,
            "InputError: the network cannot run on images (3, 1, 32, 32) in float32: RuntimeError: mat1 and mat2 shapes ca",
        ),
        (lambda: nn.BatchNorm2d(3), "InputError: the network cannot run on images (3, 1, 32, 32) in float32: RuntimeError: "),
        (Reading, "InputError: two networks drawn from one seed differ"),
        (lambda: nn.Sequential(nn.Conv2d(1, 1, 1), Scale().register_forward_pre_hook), "TypeError: "),
    ],
)
def test_what_is_wrong_with_a_network_is_told_and_nothing_raised(add_network, make, error):
    result = check(add_network(make))
    assert result["error"].startswith(error)
    assert {result[key] for key in (*zoo.NUMBERS, "runs")} == {None}
    assert result["seconds"] >= 0


def test_a_name_that_is_gone_from_its_library_is_an_error_of_that_network():
    assert "no_such_network" in check(GONE | {"input": INPUT})["error"]


def test_parameters_that_a_library_sets_without_chance_are_counted(add_network):
    def make() -> nn.Module:
        network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(3))
        network(torch.zeros(1, 1, 32, 32))
        nn.init.eye_(network[3].weight)
        return network

    result = check(add_network(make))
    assert (result["error"], result["n_fixed"]) == ("", 1)
    networks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        networks.append(make())
    assert zoo.fixed_parameters(*networks) == ["3.weight"]


# --- the table

FINE = {"n_layers": 4, "n_features": 90, "n_parameters": 7, "n_fixed": 0, "forecast_mib": 700, "runs": 2.0}
FINE |= {"seconds": 0.5, "error": ""}
FAILED = dict.fromkeys((*zoo.NUMBERS, "runs")) | {"seconds": 0.1, "error": "RuntimeError: no"}


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    for model, result in {"one-random0": FINE, "two.v1-imagenet": FAILED}.items():
        write_json(tmp_path / f"{model}.json", result)
    models = {"one-imagenet": "one-random0", "two.v1-imagenet": "two.v1-imagenet", "one-random0": "one-random0"}
    return zoo.zoo_table(models, sorted(tmp_path.glob("*.json")))


def test_the_table_has_a_row_for_every_model_with_the_result_of_its_network(table, tmp_path):
    assert table.model.tolist() == ["one-imagenet", "two.v1-imagenet", "one-random0"]
    assert table.checked.tolist() == ["one-random0", "two.v1-imagenet", "one-random0"]
    assert table.ok.tolist() == [True, False, True]
    assert table.n_features.tolist() == [90, pd.NA, 90]
    assert table.runs.fillna(0).tolist() == [2, 0, 2]
    write_table("zoo", table, tmp_path / "zoo.parquet")
    assert read_table("zoo", tmp_path / "zoo.parquet").error.tolist() == ["", "RuntimeError: no", ""]


def test_the_summary_ends_in_what_failed(table):
    lines = zoo.summary(table).splitlines()
    assert lines[-2:] == ["3 models, 2 networks, 1 not ok", "two.v1-imagenet: RuntimeError: no"]
    assert [line.split()[0] for line in lines[1:4]] == table.model.tolist()


def test_the_summary_of_a_sound_zoo_names_no_failure(table):
    assert zoo.summary(table[table.ok]).splitlines()[-1] == "2 models, 1 networks, 0 not ok"


def test_the_benchmark_measures_networks_of_the_zoo(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(root / "tests/benchmarks")
    benchmark = runpy.run_path("tests/benchmarks/networks.py")
    spec, threads = benchmark["zoo"]()["pixels"], torch.get_num_threads()
    benchmark["one_run"](json.dumps(spec), str(tmp_path / "result.json"), "100000", str(threads))
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["n_layers"] == 1 and result["seconds"] > 0
