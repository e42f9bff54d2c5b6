"""The registry: which models a configuration asks for, how each is specified, and what it refuses."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from dormouse.errors import InputError
from dormouse.models.registry import check_line, list_models
from dormouse.models.specification import LABELS, WEIGHTS, downloads, network_files, network_of, same_network, with_sets
from dormouse.schemas import check

IMAGENET = {
    **{"size": 224, "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    **{"channels": "rgb", "interpolation": "bilinear"},
}
HALF = {"range": 1, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "channels": "rgb"}  # to [-1, 1]
GREY = {"range": 1, "mean": [0.0], "std": [1.0], "channels": "grey", "interpolation": "bilinear"}
DIGEST = "0123456789abcdef" * 4
ALEXNET = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
COLUMNS = [
    *("model", "display_name", "group", "source", "name", "weights", "address", "sha256"),
    *("native_px", "native_normalisation", "native_interpolation"),
]
ROWS = [
    ["pixels", "Pixels", "baselines", "baseline", "pixels", "none", "", "", "64", "none", "bilinear"],
    ["noise-random", "Noise", "baselines", "baseline", "noise", "random", "", "", "48", "none", "bilinear"],
    ["alexnet-in", "A", "imagenet", "torchvision", "alexnet", "V1", ALEXNET, "7be5be79", "240", "imagenet", "bilinear"],
    ["vit-in", "V", "imagenet", "timm", "vit_tiny_patch16_224.t", "t", "hf-hub:timm/v", "", "300", "half", "bicubic"],
    ["alexnet-random", "A (random)", "random", "torchvision", "alexnet", "random", "", "", "240", "imagenet", "bilinear"],
    ["normal", "Normals", "taskonomy", "taskonomy", "encoder", "e", "https://x.y/n.pth", DIGEST, "256", "half", "bilinear"],
    ["swav", "S", "selfsupervised", "vissl", "resnet50", "s", "https://x.y/s.torch", "", "224", "imagenet", "bilinear"],
]
TABLE = pd.DataFrame(ROWS, columns=COLUMNS).assign(**dict.fromkeys(set(LABELS) - set(COLUMNS), ""))


def specify(*groups, include=(), exclude=(), seeds=(0,), transform="paper", table=TABLE, **add):
    """Specify models by lines of the configuration."""
    models = {"groups": groups, "include": include, "exclude": exclude, "seeds": seeds, "add": add}
    return list_models(table, {"models": models, "transform": transform, "input": IMAGENET})


def added(**keys):
    return {"source": "torchvision", "name": "resnet18", "weights": "random"} | keys


def refused(*groups, **keys):
    """Return the message with which a configuration is refused."""
    with pytest.raises(InputError) as caught:
        specify(*groups, **keys)
    return str(caught.value)


# --- choice


def test_an_added_network_of_the_table_has_its_family_and_architecture_unless_it_says_otherwise():
    table = TABLE.assign(family=TABLE.name.map({"vit_tiny_patch16_224.t": "ViT"}).fillna(""), architecture="Transformer")
    line = {"source": "timm", "name": "vit_tiny_patch16_224", "weights": "random"}
    of = {name: specify(table=table, mine=line | own)["mine"] for name, own in {"table": {}, "own": {"family": "X"}}.items()}
    assert (of["table"]["family"], of["table"]["architecture"]) == ("ViT", "Transformer")
    assert (of["own"]["family"], of["own"]["architecture"]) == ("X", "Transformer")
    assert specify(table=table, mine=added())["mine"]["family"] == "", "a network that the table does not have"


def test_groups_choose_rows_of_the_table_in_its_order():
    assert list(specify("random", "baselines")) == ["pixels", "noise-random0", "alexnet-random0"]
    assert list(specify("taskonomy")) == ["normal"]


def test_models_are_included_besides_groups_and_excluded_from_all():
    assert list(specify("imagenet", include=["pixels", "alexnet-in"])) == ["pixels", "alexnet-in", "vit-in"]
    assert list(specify(include=["alexnet-random1"], seeds=[0, 1])) == ["alexnet-random1"]
    assert list(specify("imagenet", exclude=["vit-in", "pixels"])) == ["alexnet-in"]
    assert list(specify("imagenet", include=["pixels"], exclude=["pixels", "vit-in"])) == ["alexnet-in"]


def test_every_seed_gives_every_random_model_once_and_touches_no_other():
    models = specify("imagenet", "random", "baselines", seeds=[0, 3, 1])
    seeds = {model: spec["seed"] for model, spec in models.items()}
    random = {f"{model}-random{seed}": seed for model in ("noise", "alexnet") for seed in (0, 3, 1)}
    assert seeds == {"pixels": None, "alexnet-in": None, "vit-in": None, **random}
    assert models["alexnet-random3"] == models["alexnet-random0"] | {"seed": 3, "display_name": "A (random) 3"}


@pytest.mark.parametrize("seed", [0, 7])
def test_a_twin_with_the_seed_0_goes_without_number_in_figures(seed):
    shown = specify("random", seeds=[seed])[f"alexnet-random{seed}"]["display_name"]
    assert shown == ("A (random) 7" if seed else "A (random)")


def test_random_models_without_a_seed_are_refused_by_that_key(root):
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["models"] |= {"groups": ["random"], "seeds": []}
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    with pytest.raises(InputError, match="seeds"):
        check(config, schema, "config")
        list_models(TABLE, config)


def test_unknown_groups_and_models_are_named_with_the_nearest():
    assert refused("baseline") == "config: models.groups: unknown group 'baseline'. Did you mean baselines?"
    unknown = "config: models.exclude: unknown model 'alexnet-rand0'. Did you mean alexnet-random0"
    assert refused("random", exclude=["alexnet-rand0"]).startswith(unknown)
    assert refused(include=["pixel"]).startswith("config: models.include: unknown model 'pixel'. Did you mean pixels")
    assert "Did you mean alexnet-random0" in refused(include=["alexnet-random"])


def test_a_choice_of_no_model_is_refused():
    assert refused("taskonomy", exclude=["normal"]) == "config: models: no model left; name a group or add a model."


def test_a_model_in_two_rows_of_the_table_is_refused():
    message = refused("baselines", table=pd.concat([TABLE, TABLE[:1]]))
    assert message == "resources/models.tsv: pixels stands in two rows; every model must have one."


@pytest.mark.parametrize("model", ["vit-in", "alexnet-random0"])
def test_an_added_model_cannot_take_the_name_of_a_row(model):
    message = refused("baselines", **{model: added()})
    assert message == f"config: models.add: {model} is already a row of resources/models.tsv; choose another name."


def test_two_models_cannot_be_shown_as_one():
    assert "mine and pixels would both be shown as 'Pixels'" in refused("baselines", mine=added(display_name="Pixels"))
    assert "b and a would both be shown as 'x'" in refused(a=added(display_name="x"), b=added(display_name="x"))
    assert list(specify("random", mine=added(display_name="Pixels"))) == ["alexnet-random0", "mine"]


# --- specifications


def test_a_row_is_specified_by_the_table_and_the_common_input():
    assert specify("imagenet")["alexnet-in"] == dict.fromkeys(LABELS, "") | {"stimulus_set": "original"} | {
        **{"group": "imagenet", "display_name": "A", "source": "torchvision", "name": "alexnet", "weights": "V1"},
        **{"address": ALEXNET, "sha256": "7be5be79", "file": f"{WEIGHTS}/alexnet-in.pth"},
        **{"seed": None, "key": None, "code": None, "files": {}, "options": {}, "input": IMAGENET},
    }


def test_a_row_with_weights_of_nowhere_is_refused():
    with pytest.raises(InputError, match=r"^here\.weights: no file 'V1'"):
        check_line({"source": "torchvision", "name": "alexnet", "weights": "V1", "address": ""}, "here")


# --- sets of the images


MOUSE = {"acuity_cpd": 0.5, "degrees": 120, "models": []}


def test_a_set_of_images_adds_models_that_differ_from_theirs_in_the_blur_and_in_name_alone():
    models = specify("imagenet", "random")
    both = with_sets(models, {"mouse": MOUSE})
    assert list(both) == [*models, *(f"{model}_mouse" for model in models)]
    assert {model: both[model] for model in models} == models
    assert downloads(both) == downloads(models) and same_network(both).keys() == both.keys()
    for model, spec in models.items():
        assert both[f"{model}_mouse"] == spec | {
            "stimulus_set": "mouse",
            "display_name": f"{spec['display_name']} (mouse)",
            "input": spec["input"] | {"blur": {"acuity_cpd": 0.5, "degrees": 120}},
        }
        assert same_network(both)[f"{model}_mouse"] == same_network(both)[model]
        assert (
            network_of(both[f"{model}_mouse"]) == f"{network_of(spec)} (mouse)" == f"{spec['source']}:{spec['name']} (mouse)"
        )


def test_a_set_of_images_for_some_models_alone():
    found = with_sets(specify("imagenet"), {"mouse": MOUSE | {"models": ["vit-in"]}})
    assert list(found) == ["alexnet-in", "vit-in", "vit-in_mouse"]


def test_sets_of_images_with_unknown_models_or_taken_names_are_refused():
    with pytest.raises(InputError, match=r"stimuli\.sets\.mouse\.models: no model 'vit' is run\. Did you mean vit-in"):
        with_sets(specify("imagenet"), {"mouse": MOUSE | {"models": ["vit"]}})
    taken = specify("imagenet", **{"vit-in_mouse": added()})
    with pytest.raises(InputError, match=r"stimuli\.sets\.mouse: there is a model vit-in_mouse already; choose another name"):
        with_sets(taken, {"mouse": MOUSE})


# --- preprocessing


@pytest.mark.parametrize("transform", ["paper", "native"])
def test_baselines_and_taskonomy_see_the_same_whatever_the_transform(transform):
    models = specify("baselines", "taskonomy", transform=transform)
    recipes = {model: spec["input"] for model, spec in models.items()}
    assert recipes == {
        "pixels": {"size": 64, **GREY},
        "noise-random0": {"size": 48, **GREY},
        "normal": {"size": 256, **HALF, "interpolation": "bilinear"},
    }


def test_under_the_transform_of_the_paper_all_others_see_the_common_input():
    models = specify("imagenet", "random", "selfsupervised")
    assert len(models) == 4
    assert all(spec["input"] == IMAGENET for spec in models.values())


def test_under_the_native_transform_each_sees_what_it_was_trained_with_and_its_twin_too():
    models = specify("imagenet", "random", "selfsupervised", transform="native")
    recipes = {model: spec["input"] for model, spec in models.items()}
    assert recipes == {
        "alexnet-in": IMAGENET | {"size": 240},
        "vit-in": {"size": 300, **HALF, "interpolation": "bicubic"},
        "alexnet-random0": IMAGENET | {"size": 240},
        "swav": IMAGENET,
    }


# --- files


def test_weights_that_are_fetched_are_named_by_their_model_and_ending():
    fetched = downloads(specify("imagenet", "random", "baselines", "taskonomy", "selfsupervised"))
    assert fetched == {
        "alexnet-in.pth": {"address": ALEXNET, "sha256": "7be5be79"},
        "vit-in.safetensors": {"address": "hf-hub:timm/v", "sha256": ""},
        "normal.pth": {"address": "https://x.y/n.pth", "sha256": DIGEST},
        "swav.torch": {"address": "https://x.y/s.torch", "sha256": ""},
    }


def test_only_weights_of_a_file_are_the_input_of_a_job(tmp_path):
    weights = str(tmp_path / "mine.pt")
    Path(weights).touch()
    models = specify("baselines", "random", "selfsupervised", mine=added(weights=weights))
    files = {model: network_files(spec) for model, spec in models.items() if network_files(spec)}
    assert files == {"swav": [f"{WEIGHTS}/swav.torch"], "mine": [weights]}
    assert list(downloads(models)) == ["swav.torch"]


def test_models_that_differ_in_their_weights_alone_have_the_same_network():
    models = specify("imagenet", "random", seeds=[0, 1], small=added(), large=added(input={"size": 256}), other=added(seed=1))
    assert same_network(models) == {
        **dict.fromkeys(["alexnet-in", "alexnet-random0", "alexnet-random1"], "alexnet-in"),
        **{"vit-in": "vit-in", "small": "small", "large": "large", "other": "small"},
    }
