"""Models added in the configuration: their names, weights, preprocessing and files, and what of them is refused."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from dormouse.errors import InputError
from dormouse.models.loaders import make_torchvision_importable
from dormouse.models.registry import list_models
from dormouse.models.sources import registered
from dormouse.models.specification import LABELS, WEIGHTS, downloads
from dormouse.schemas import check

IMAGENET = {
    **{"size": 224, "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    **{"channels": "rgb", "interpolation": "bilinear"},
}
TASKONOMY = {
    **{"size": 256, "range": 1, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},  # to [-1, 1]
    **{"channels": "rgb", "interpolation": "bilinear"},
}
DIGEST = "0123456789abcdef" * 4
NO_ROWS = pd.DataFrame(columns=["model", "group", "weights"])


def specify(line, transform="paper", name="mine"):
    """Return the specification of a model that is added in the configuration by one line."""
    models = {"groups": [], "include": [], "exclude": [], "seeds": [0], "add": {name: line}}
    return list_models(NO_ROWS, {"models": models, "transform": transform, "input": IMAGENET})[name]


def added(**keys):
    return {"source": "torchvision", "name": "resnet18", "weights": "random"} | keys


def refused(line, **options):
    """Return the message with which a line is refused."""
    with pytest.raises(InputError) as caught:
        specify(line, **options)
    return str(caught.value)


@pytest.fixture
def weights(tmp_path):
    """Path of a file in the place of weights."""
    (tmp_path / "mine.pt").touch()
    return str(tmp_path / "mine.pt")


# --- names


def test_names_are_those_that_the_libraries_list():
    make_torchvision_importable()
    import timm
    import torchvision

    assert registered("timm") == set(timm.list_models())
    assert registered("torchvision") == set(torchvision.models.list_models(module=torchvision.models))


@pytest.mark.parametrize(
    ("source", "name", "near"),
    [
        ("timm", "resnt18", "resnet18"),
        ("torchvision", "alexnett", "alexnet"),
        ("vissl", "resnet5O", "resnet50"),
        ("dino", "vit_smal_patch16_224", "vit_small_patch16_224"),
        ("taskonomy", "encode", "encoder"),
        ("baseline", "pixel", "pixels"),
    ],
)
def test_an_unknown_network_is_named_with_the_nearest_there_are(source, name, near):
    message = refused(added(source=source, name=name))
    assert message.startswith(f"config: models.add.mine: {source} has no network {name!r}. Did you mean ")
    assert near in message


def test_a_name_without_any_near_one_is_answered_by_all():
    assert refused(added(source="baseline", name="xyz")).endswith("no network 'xyz'. Known are: gabor, noise, pixels.")


def test_a_tag_of_weights_belongs_to_names_of_timm_alone():
    assert specify(added(source="timm", name="resnet18.a1_in1k"))["name"] == "resnet18.a1_in1k"
    assert "torchvision has no network 'alexnet.a1_in1k'" in refused(added(name="alexnet.a1_in1k"))


@pytest.mark.parametrize(("source", "name"), [("vissl", "alexnet"), ("dino", "resnet50d")])
def test_a_source_offers_only_networks_that_it_can_build(source, name):
    assert f"{source} has no network {name!r}" in refused(added(source=source, name=name))


# --- specifications


def test_an_added_model_states_what_of_its_input_differs(weights):
    line = added(weights=weights, display_name="Mine", family="ResNet", input={"size": 227, "channels": "bgr"})
    assert specify(line) == dict.fromkeys(LABELS, "") | {"stimulus_set": "original"} | {
        **{"group": "added", "display_name": "Mine", "family": "ResNet", "source": "torchvision", "name": "resnet18"},
        **{"weights": weights, "file": weights, "key": None, "seed": None, "code": None, "files": {}, "options": {}},
        "input": IMAGENET | {"size": 227, "channels": "bgr"},
    }


def test_the_name_of_an_added_model_is_what_figures_show_unless_it_says_otherwise():
    assert specify(added())["display_name"] == "mine"


@pytest.mark.parametrize(
    ("line", "address", "file", "seed"),
    [
        (added(), "", None, 0),
        (added(seed=5), "", None, 5),
        (added(source="timm", name="resnet18.a1_in1k", seed=1), "", None, 1),
        (added(weights="IMAGENET1K_V1"), "torchvision:resnet18.IMAGENET1K_V1", "mine.pth", None),
        (added(weights="IMAGENET1K_V1", seed=5), "torchvision:resnet18.IMAGENET1K_V1", "mine.pth", None),
        (added(weights="https://x.y/a.torch", sha256=DIGEST), "https://x.y/a.torch", "mine.torch", None),
        (added(weights="http://x.y/a", sha256=DIGEST), "http://x.y/a", "mine.pth", None),
        (added(weights="hf-hub:me/net"), "hf-hub:me/net", "mine.safetensors", None),
        (added(source="timm", weights="hf-hub:me/net.tag"), "hf-hub:me/net.tag", "mine.safetensors", None),
        ({"source": "timm", "name": "resnet18.a1_in1k"}, "timm:resnet18.a1_in1k", "mine.safetensors", None),
        ({"source": "python", "name": "json:loads"}, "", None, None),
        (added(source="python", name="json:loads", seed=2), "", None, 2),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_weights_of_an_added_model_are_drawn_fetched_or_absent(line, address, file, seed):
    spec = specify(line)
    assert (spec["address"], spec["seed"]) == (address, seed)
    assert spec["file"] == (file and f"{WEIGHTS}/{file}")


@pytest.mark.parametrize("name", ["resnet18", "resnet18.a1_in1k"])
def test_a_file_of_weights_goes_before_the_tag_of_a_name(weights, name):
    spec = specify(added(source="timm", name=name, weights=weights))
    assert (spec["file"], spec["address"], spec["seed"]) == (weights, "", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"source": "torchvision", "name": "resnet18"}, ": no weights; give weights: random, a file, or an address and its"),
        ({"source": "timm", "name": "resnet18"}, ": no weights; add the tag of published weights to the name, or weights: ra"),
        (added(weights="https://x.y/a.pth"), ": an address needs the sha256 of its file beside it; `sha256sum FILE` tells it"),
        (added(weights="none"), ".weights: 'none' does not go with torchvision; it is for baselines and for python."),
        (added(weights="no.pt"), f".weights: no file 'no.pt' in {Path.cwd()}; expected 'random', a file or an address."),
        (added(weights=""), ".weights: no file ''"),
        (added(weights="."), ".weights: no file '.'"),
        (added(source="python", name="numpy"), ".name: 'numpy'; expected module:function."),
        (added(source="python", name=":make"), ".name: ':make'; expected module:function."),
        (added(source="python", name="numpy:"), ".name: 'numpy:'; expected module:function."),
        (added(source="python", name="no_such_module:make"), f"no module 'no_such_module' in {Path.cwd()}, and none is inst"),
        (added(key="ema"), ".key: 'ema' names a place in a file of weights, but weights: random has none."),
        (added(input={"mean": [0.5]}), "config: input of mine: rgb needs 3 values of mean, got [0.5]."),
        (added(input={"std": [0.2, 0, 0.2]}), "config: input of mine: std must be above 0, got [0.2, 0, 0.2]."),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
def test_what_an_added_model_cannot_be_is_refused(line, message):
    assert message in refused(line)
    assert refused(line).startswith("config: ")


# --- preprocessing


@pytest.mark.parametrize("transform", ["paper", "native"])
def test_an_added_encoder_of_taskonomy_sees_what_those_of_the_table_see(transform):
    line = added(source="taskonomy", name="encoder")
    assert specify(line, transform)["input"] == TASKONOMY
    assert specify(line | {"input": {"size": 512}}, transform)["input"] == TASKONOMY | {"size": 512}


@pytest.mark.parametrize("source", ["torchvision", "timm"])
def test_under_the_native_transform_libraries_are_asked_later_for_what_an_added_model_leaves_open(source):
    line = added(source=source, input={"size": 160})
    assert specify(line, "native")["input"] == {"size": 160}


@pytest.mark.parametrize(
    ("source", "name"), [("python", "json:loads"), ("vissl", "resnet50"), ("dino", "vit_small_patch16_224")]
)
def test_under_the_native_transform_other_added_models_say_all_of_their_own(source, name):
    part = {"size": 224, "range": 1, "channels": "rgb"}
    message = refused(added(source=source, name=name, input=part), transform="native")
    assert message == "config: models.add.mine.input: transform: native needs mean, std, interpolation of its own."
    whole = added(source=source, name=name, input=IMAGENET | {"size": 96})
    assert specify(whole, "native")["input"] == IMAGENET | {"size": 96}


# --- files


@pytest.mark.parametrize("ending", [".safetensors", ".pth.tar", ".pth", ".pt", ".torch", ".bin"])
def test_a_download_keeps_its_ending(ending):
    line = added(weights=f"https://x.y/v1.2/a.b{ending}", sha256=DIGEST)
    assert specify(line)["file"] == f"{WEIGHTS}/mine{ending}"


@pytest.mark.parametrize(
    "address",
    [
        *("https://x.y/../../a.pth", "https://x.y/%2e%2e/a.pth", "https://x.y/a.pth?to=../../b.pt", "https://x.y/#/../b.bin"),
        *("https://x.y/", "https://x.y/a.tar/..", "hf-hub:../..", "https://x.y/a.pth/../../../etc/passwd"),
    ],
)
def test_no_address_leads_out_of_the_folder_of_weights(address):
    spec = specify(added(weights=address, sha256=DIGEST), name="m..")
    path = Path(spec["file"])
    assert path.resolve().parent == Path(WEIGHTS).resolve()
    assert list(downloads({"m..": spec})) == [path.name]


@pytest.mark.parametrize("model", ["../mine", "a/b", "/mine", ".mine", "", "a b", "a\\b", "-mine"])
def test_the_schema_lets_no_name_be_a_path(root, model):
    config = yaml.safe_load((root / "config.yaml").read_text())
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    config["models"]["add"] = {"a.b-c_0": added()}
    check(config, schema, "config")
    config["models"]["add"] = {model: added()}
    with pytest.raises(InputError, match=r"^config: models\.add"):
        check(config, schema, "config")
