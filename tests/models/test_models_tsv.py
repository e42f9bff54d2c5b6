"""The table of networks, resources/models.tsv, held against its schema and against what the libraries publish."""

import math
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from dormouse.errors import InputError
from dormouse.models.build import build
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.registry import check_line, list_models
from dormouse.models.specification import NORMALISATIONS, WEIGHTS, downloads, same_network
from dormouse.schemas import check

ROOT = Path(__file__).resolve().parents[2]
TABLE = pd.read_csv(ROOT / "resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
ROWS = {row["model"]: row for row in TABLE.to_dict("records")}
# what a twin does not share with the network that it is the twin of
OF_TRAINING = (
    *("model", "group", "display_name", "task", "training_data", "weights", "address", "sha256", "imagenet_top1", "note"),
)


def rows(group, source=None):
    return [row for row in ROWS.values() if row["group"] == group and source in (None, row["source"])]


def specified(transform, **models):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return list_models(TABLE, config | {"transform": transform, "models": config["models"] | models}), config


@pytest.fixture(scope="module", autouse=True)
def libraries():
    make_torchvision_importable()


# --- rows


def test_every_row_is_what_the_schema_says():
    schema = yaml.safe_load((ROOT / "workflow/schemas/models.schema.yaml").read_text())
    check(list(ROWS.values()), {"items": schema}, "resources/models.tsv")
    assert list(TABLE) == schema["required"] == list(schema["properties"])


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"group": "others"},
            {"architecture": "Recurrent"},
            {"native_px": ""},
            {"native_px": "224.0"},
            {"native_px": "0"},
            {"sha256": "ABC"},
        ),
        *(
            {"address": ""},
            {"address": "ftp://x"},
            {"weights": "random"},
            {"imagenet_top1": "n/a"},
            {"imagenet_top1": "inf"},
            {"model": "../up"},
        ),
        *(
            {"source": "python"},
            {"native_normalisation": "caffe"},
            {"n_parameters": "6e7"},
            {"n_parameters": "nan"},
            {"native_px": "9" * 9},
            {"comment": "none"},
        ),
    ],
    ids=str,
)
def test_the_schema_refuses_a_row_that_is_wrong(change):
    schema = yaml.safe_load((ROOT / "workflow/schemas/models.schema.yaml").read_text())
    with pytest.raises(InputError, match=r"^row"):
        check(ROWS["alexnet-imagenet"] | change, schema, "row")


def test_every_row_names_a_network_there_is():
    for model, row in ROWS.items():
        check_line(row, model)


def test_the_table_has_the_networks_of_the_paper():
    counts = Counter((row["group"], row["source"]) for row in ROWS.values())
    assert counts == {
        **{("imagenet", "torchvision"): 31, ("imagenet", "timm"): 61},
        **{("random", "torchvision"): 31, ("random", "timm"): 61},
        ("taskonomy", "taskonomy"): 25,
        **{("selfsupervised", "vissl"): 13, ("selfsupervised", "dino"): 9},
        **{("baselines", "baseline"): 3, ("mousenet", "mousenet"): 1},
    }


def test_no_two_rows_are_the_same():
    assert TABLE.model.is_unique
    assert TABLE.display_name.is_unique
    assert TABLE[TABLE.group == "imagenet"][["source", "name"]].drop_duplicates().shape[0] == 92
    published = TABLE[TABLE.address != ""]
    assert published.address.is_unique
    assert published[["source", "name", "weights"]].drop_duplicates().shape[0] == len(published)


def test_every_network_of_imagenet_has_one_random_twin():
    twins = [row["model"] for row in rows("random")]
    assert twins == [row["model"].removesuffix("imagenet") + "random" for row in rows("imagenet")]
    for row in rows("imagenet"):
        twin = ROWS[row["model"].removesuffix("imagenet") + "random"]
        assert {key: row[key] for key in row if key not in OF_TRAINING} == {
            key: twin[key] for key in twin if key not in OF_TRAINING
        }
        assert twin["display_name"] == f"{row['display_name']} (random)"


def test_untrained_rows_claim_no_training_and_trained_ones_say_theirs():
    for row in ROWS.values():
        untrained = row["weights"] in ("random", "none")
        assert untrained == (row["task"] == "") == (row["training_data"] == ""), row["model"]
        assert (row["imagenet_top1"] != "") == (row["group"] == "imagenet"), row["model"]
        assert (row["task_cluster"] != "") == (row["source"] == "taskonomy"), row["model"]


@pytest.mark.parametrize(
    ("model", "note"),
    [
        ("inception_v3_timm-imagenet", "same trained weights as torchvision inception_v3"),
        ("inception_v4-imagenet", "twice in the list of the paper"),
        ("mnasnet_100-imagenet", "twice in the list of the paper"),
        ("resnext101_32x8d-imagenet", "ResNeXt50-32x8D in the list of the paper"),
        ("resnet50-swav_2x224", "exchanged names"),
        ("resnet50-swav_2x224_6x96", "exchanged names"),
        ("googlenet-imagenet", "its random twin does not"),
        ("inception_v3-random", "its trained twin"),
    ],
)
def test_what_the_list_of_the_paper_has_twice_or_otherwise_is_noted(model, note):
    assert note in ROWS[model]["note"]


# --- what the libraries publish


@pytest.mark.parametrize("row", rows("imagenet", "torchvision"), ids=lambda row: row["name"])
def test_a_row_of_torchvision_is_what_torchvision_publishes(row):
    from torchvision.models import get_model_weights

    published = get_model_weights(row["name"])[row["weights"]]
    transform, own = published.transforms(), NORMALISATIONS[row["native_normalisation"]]
    assert row["weights"] == "IMAGENET1K_V1"
    assert row["address"] == published.url
    assert float(row["imagenet_top1"]) == published.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert int(row["n_parameters"]) == published.meta["num_params"]
    assert [int(row["native_px"])] == transform.crop_size
    assert (own["mean"], own["std"]) == (transform.mean, transform.std)
    assert row["native_interpolation"] == transform.interpolation.value


@pytest.mark.parametrize("row", rows("imagenet", "timm"), ids=lambda row: row["name"])
def test_a_row_of_timm_is_what_timm_publishes(row):
    from timm import list_pretrained
    from timm.models import get_pretrained_cfg

    published, own = get_pretrained_cfg(row["name"]), NORMALISATIONS[row["native_normalisation"]]
    assert row["name"] in list_pretrained()
    assert row["weights"] == published.tag
    assert row["address"] == (f"hf-hub:{published.hf_hub_id}" if published.hf_hub_id else published.url)
    assert published.input_size == (3, int(row["native_px"]), int(row["native_px"]))
    assert (tuple(own["mean"]), tuple(own["std"])) == (published.mean, published.std)
    assert row["native_interpolation"] == published.interpolation
    assert published.num_classes == 1000


@pytest.mark.parametrize(
    "row", [row for row in rows("selfsupervised", "dino") if "hf-hub" in row["address"]], ids=lambda row: row["name"]
)
def test_a_row_of_dino_that_timm_publishes_too_is_the_same_there(row):
    from timm.models import get_pretrained_cfg

    published, own = get_pretrained_cfg(f"{row['name']}.dino"), NORMALISATIONS[row["native_normalisation"]]
    assert row["address"] == f"hf-hub:{published.hf_hub_id}"
    assert published.input_size[-1] == int(row["native_px"])
    assert (tuple(own["mean"]), row["native_interpolation"]) == (published.mean, published.interpolation)
    assert f"{published.url}" in row["note"]


def test_digits_of_a_digest_are_those_in_the_name_of_the_file():
    """Torch's convention for the names of its files: NAME-DIGITS.ending."""
    named = {
        model: found[1]
        for model, row in ROWS.items()
        if (found := re.search(r"/[^/]+-([0-9a-f]{8,64})\.pth$", row["address"]))
        and model != "legacy_xception-imagenet"  # older than the convention; its row says so
    }
    assert {model: row["sha256"] for model, row in ROWS.items() if row["sha256"]} == named


def test_an_encoder_of_taskonomy_is_named_by_task_and_digest():
    published = [row for row in rows("taskonomy") if row["address"]]
    assert len(published) == 24
    for row in published:
        task = row["model"].removeprefix("taskonomy-")
        assert row["weights"] == f"{task}_encoder"
        assert row["address"].endswith(f"/visual-prior/raw/networks/assets/pytorch/{task}_encoder-{row['sha256']}.pth")
        assert re.fullmatch("[0-9a-f]{64}", row["sha256"])
        assert row["task"] == row["display_name"]
    assert len({row["sha256"] for row in published}) == 24
    assert ROWS["taskonomy-random"]["weights"] == "random"


@pytest.mark.slow
def test_networks_have_as_many_parameters_as_published():
    """Built without numbers in them, which takes no memory. Those of torchvision are compared with its own number above."""
    counts = {
        (row["source"], row["name"]): int(row["n_parameters"]) for row in ROWS.values() if row["source"] != "torchvision"
    }
    assert len(counts) == 61 + 1 + 1 + 9 + 3 + 1
    for (source, name), count in counts.items():
        with torch.device("meta"):
            network = build({"source": source, "name": name, "file": None, "seed": 0})
        assert sum(math.prod(value.shape) for value in network.parameters()) == count, name


# --- specifications


def test_all_rows_together_are_the_default_of_the_configuration():
    models, config = specified("paper")
    assert set(config["models"]["groups"]) == set(TABLE.group)
    assert len(models) == len(TABLE)
    assert {model.removesuffix("0") if spec["weights"] == "random" else model for model, spec in models.items()} == set(ROWS)
    assert len({spec["file"] for spec in models.values() if spec["file"]}) == len(downloads(models)) == 92 + 24 + 22
    assert all(Path(spec["file"]).parent == Path(WEIGHTS) for spec in models.values() if spec["file"])


def test_under_the_transform_of_the_paper_all_but_those_with_an_input_of_their_own_see_the_same():
    models, config = specified("paper")
    for model, spec in models.items():
        if spec["source"] == "taskonomy":
            assert spec["input"] == {"size": 256, "interpolation": "bilinear", **NORMALISATIONS["half"], "range": 1}
        elif spec["source"] == "baseline":
            assert spec["input"]["channels"] == "grey"
        elif spec["source"] == "mousenet":
            assert spec["input"] == config["input"] | {"size": 64}
        else:
            assert spec["input"] == config["input"], model


def test_under_the_native_transform_each_sees_what_the_table_says():
    models, _ = specified("native", seeds=[0])
    for model, spec in models.items():
        row = ROWS[model.removesuffix("0") if spec["weights"] == "random" else model]
        own = NORMALISATIONS[row["native_normalisation"]]
        expected = {"size": int(row["native_px"]), "range": 1, "interpolation": row["native_interpolation"], **own}
        assert spec["input"] == expected, model
    assert {spec["input"]["size"] for spec in models.values()} >= {64, 128, 160, 224, 256, 299, 331, 600}


def test_a_trained_network_and_its_twins_are_checked_once():
    models, _ = specified("paper", seeds=[0, 1])
    first = same_network(models)
    for model in (row["model"] for row in rows("imagenet")):
        twin = model.removesuffix("imagenet") + "random"
        assert {first[model], first[f"{twin}0"], first[f"{twin}1"]} == {model}
    assert len({first[model] for model, spec in models.items() if spec["source"] == "taskonomy"}) == 1
    assert len({first[model] for model, spec in models.items() if spec["source"] == "vissl"}) == 1
