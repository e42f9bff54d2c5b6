"""Networks: which there are, how they are specified, built and given their weights, and what they see."""

import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
import yaml
from PIL import Image

from dormouse.errors import InputError
from dormouse.features import stream
from dormouse.models.baselines import FREQUENCIES, N_ORIENTATIONS, POOLED, GaborBank, Pixels
from dormouse.models.build import build, load_weights, make_torchvision_importable
from dormouse.models.registry import check_line, list_models, registered, weights_files
from dormouse.stimuli import preprocess

IMAGENET = {"size": 224, "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "channels": "rgb"}
COLUMNS = ["model", "group", "display_name", "source", "name", "weights", "seed"]
TABLE = pd.DataFrame(
    [
        ["pixels", "baselines", "Pixels", "baseline", "pixels", "none", ""],
        ["alexnet-random3", "random", "AlexNet (random)", "torchvision", "alexnet", "random", "3"],
        ["vit-random0", "random", "ViT (random)", "timm", "vit_tiny_patch16_224", "random", "0"],
    ],
    columns=COLUMNS,
)
SMALL = {"source": "torchvision", "name": "squeezenet1_1", "weights": "random", "seed": 0}


def specify(groups=(), exclude=(), **add):
    """Specify models by lines of the configuration."""
    return list_models(TABLE, {"models": {"groups": list(groups), "exclude": list(exclude), "add": add}, "input": IMAGENET})


def added(**keys):
    return {"source": "torchvision", "name": "resnet18", "weights": "random"} | keys


def parameters(network):
    return torch.cat([value.flatten() for value in network.state_dict().values()])


# --- names


def test_names_of_timm_are_those_that_timm_lists():
    make_torchvision_importable()
    import timm

    assert registered("timm") == set(timm.list_models())


def test_names_of_torchvision_cover_its_classification_networks():
    make_torchvision_importable()
    import torchvision

    assert registered("torchvision") >= set(torchvision.models.list_models(module=torchvision.models))


def test_networks_of_torchvision_that_take_no_images_are_not_offered():
    make_torchvision_importable()
    import torchvision

    assert registered("torchvision") - set(torchvision.models.list_models(module=torchvision.models)) == set()


def test_every_row_of_the_table_of_models_names_a_network_there_is(root):
    table = pd.read_csv(root / "resources" / "models.tsv", sep="\t", dtype=str, keep_default_na=False)
    for row in table.to_dict("records"):
        check_line(row, row["model"])


@pytest.mark.parametrize(
    ("source", "name", "near"),
    [("timm", "resnt18", "resnet18"), ("torchvision", "alexnett", "alexnet"), ("baseline", "pixel", "pixels")],
)
def test_an_unknown_network_is_named_with_the_nearest_there_are(source, name, near):
    with pytest.raises(
        InputError, match=rf"config: models\.add\.mine: {source} has no network '{name}'\. Did you mean .*{near}"
    ):
        specify(mine=added(source=source, name=name))


def test_a_name_without_any_near_one_is_answered_by_all():
    with pytest.raises(InputError, match=r"baseline has no network 'xyz'\. Known are: gabor, pixels\."):
        specify(mine=added(source="baseline", name="xyz"))


def test_a_tag_of_weights_belongs_to_names_of_timm_alone():
    assert specify(mine=added(source="timm", name="resnet18.a1_in1k"))["mine"]["name"] == "resnet18.a1_in1k"
    with pytest.raises(InputError, match=r"torchvision has no network 'alexnet\.a1_in1k'"):
        specify(mine=added(name="alexnet.a1_in1k"))


def test_a_tag_of_weights_that_timm_does_not_have_is_refused():
    with pytest.raises(InputError, match=r"resnet18\.nonsense"):
        build({"source": "timm", "name": "resnet18.nonsense", "weights": "random", "seed": 0})


# --- specifications


def test_groups_choose_rows_of_the_table_in_its_order():
    assert list(specify(["random", "baselines"])) == ["pixels", "alexnet-random3", "vit-random0"]
    assert list(specify(["baselines"])) == ["pixels"]


def test_a_row_is_specified_by_the_table_and_the_common_input():
    assert specify(["random"])["alexnet-random3"] == {
        "group": "random",
        "display_name": "AlexNet (random)",
        "source": "torchvision",
        "name": "alexnet",
        "weights": "random",
        "seed": 3,
        "input": IMAGENET,
    }


def test_excluded_models_are_left_out():
    assert list(specify(["random"], ["alexnet-random3"])) == ["vit-random0"]


def test_baselines_have_a_grey_input_of_their_own():
    recipe = specify(["baselines"])["pixels"]["input"]
    assert (recipe["channels"], recipe["mean"], recipe["std"]) == ("grey", [0.0], [1.0])


@pytest.fixture
def weights(tmp_path):
    """Path of a file in the place of weights."""
    (tmp_path / "mine.pt").touch()
    return str(tmp_path / "mine.pt")


def test_an_added_model_states_what_of_its_input_differs(weights):
    line = added(weights=weights, display_name="Mine", input={"size": 227, "channels": "bgr"})
    assert specify(mine=line)["mine"] == {
        "group": "added",
        "display_name": "Mine",
        "source": "torchvision",
        "name": "resnet18",
        "weights": weights,
        "seed": None,
        "input": IMAGENET | {"size": 227, "channels": "bgr"},
    }


@pytest.mark.parametrize(("line", "seed"), [({}, 0), ({"seed": 5}, 5)])
def test_random_weights_of_an_added_model_have_a_seed(line, seed):
    assert specify(mine=added(**line))["mine"]["seed"] == seed


def test_the_name_of_an_added_model_is_what_figures_show_unless_it_says_otherwise():
    assert specify(mine=added())["mine"]["display_name"] == "mine"


def test_only_a_file_of_weights_is_an_input_file(weights):
    models = specify(["baselines", "random"], mine=added(weights=weights))
    assert {model: weights_files(spec) for model, spec in models.items() if weights_files(spec)} == {"mine": [weights]}


def test_weights_that_are_not_there_are_named_with_the_folder_they_are_looked_for_in():
    with pytest.raises(
        InputError, match=rf"config: models\.add\.mine\.weights: no file 'no\.pt' in {re.escape(str(Path.cwd()))}"
    ):
        specify(mine=added(weights="no.pt"))


def test_an_unknown_group_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"config: models\.groups: unknown group 'baseline'\. Did you mean baselines\?"):
        specify(["baseline"])


def test_an_unknown_model_to_exclude_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"config: models\.exclude: unknown model 'alexnet'\. Did you mean alexnet-random3"):
        specify(["random"], ["alexnet"])


def test_an_added_model_cannot_take_the_name_of_a_row():
    with pytest.raises(InputError, match=r"config: models\.add: vit-random0 is already a row .*choose another name"):
        specify(["baselines"], **{"vit-random0": added()})


def test_a_choice_of_no_model_is_refused():
    with pytest.raises(InputError, match=r"config: models: no model left"):
        specify(["baselines"], ["pixels"])


def test_a_network_that_has_weights_cannot_do_without():
    """It would run with random ones, under the label of none."""
    with pytest.raises(InputError, match=r"config: models\.add\.mine\.weights: 'none' does not go with torchvision"):
        specify(mine=added(weights="none"))


# --- networks


@pytest.mark.parametrize("spec", [SMALL, {"source": "timm", "name": "test_vit", "weights": "random"}])
def test_a_seed_gives_the_same_weights_again_and_another_gives_others(spec):
    first, again, other = (parameters(build(spec | {"seed": seed})) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_random_weights_do_not_depend_on_what_was_drawn_before():
    torch.manual_seed(5)
    first = parameters(build(SMALL))
    torch.manual_seed(6)
    assert torch.equal(first, parameters(build(SMALL)))


@pytest.mark.parametrize("source", ["torchvision", "timm"])
def test_building_leaves_the_random_numbers_of_torch_alone(source):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    build({"source": source, "name": "resnet18", "weights": "random", "seed": 3})
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_is_built_to_be_run_not_trained():
    network = build(SMALL)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_attention_maps_of_timm_are_layers():
    network = build({"source": "timm", "name": "vit_tiny_patch16_224", "weights": "random", "seed": 0})
    n_heads, n_tokens, n_blocks = 3, 197, 12
    maps = []

    def visit(name, X):
        if X.shape[1] == n_heads * n_tokens**2:
            maps.append((name, X.reshape(2, -1, n_tokens).sum(dim=2)))

    stream(network, torch.zeros(2, 3, 224, 224), visit)
    assert len(maps) >= n_blocks
    for _, row_sums in maps:
        torch.testing.assert_close(row_sums, torch.ones_like(row_sums))


# --- weights


@pytest.fixture(scope="module")
def state():
    """Weights of another seed than those of the network that they are loaded into."""
    return build(SMALL | {"seed": 1}).state_dict()


@pytest.mark.parametrize("ending", ["pt", "pth", "safetensors"])
def test_weights_of_a_file_are_loaded_to_the_last_bit(tmp_path, state, ending):
    path = tmp_path / f"weights.{ending}"
    (safetensors.torch.save_file if ending == "safetensors" else torch.save)(state, path)
    network = build(SMALL | {"weights": str(path), "seed": None})
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def refused(path, network=None):
    """Return the message with which a file of weights is refused."""
    with pytest.raises(InputError, match=path.name) as caught:
        load_weights(network or build(SMALL), path)
    return str(caught.value)


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_keys_that_are_missing_unknown_or_misshapen_are_named_and_nothing_is_loaded(tmp_path, state, ending):
    wrong = dict(state)
    del wrong["features.0.weight"], wrong["features.0.bias"]
    wrong["head.weight"] = torch.zeros(3)
    wrong["classifier.1.weight"] = torch.zeros(10, 512, 1, 1)
    path = tmp_path / f"weights.{ending}"
    (safetensors.torch.save_file if ending == "safetensors" else torch.save)(wrong, path)
    network = build(SMALL)
    message = refused(path, network)
    assert "do not fit SqueezeNet: 2 missing (features.0.weight, features.0.bias); 1 unknown (head.weight); " in message
    assert "1 misshapen (classifier.1.weight (10, 512, 1, 1) instead of (1000, 512, 1, 1))" in message
    assert torch.equal(parameters(network), parameters(build(SMALL)))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda state: state.pop("features.0.bias"), "1 missing (features.0.bias)."),
        (lambda state: state.update({"head.bias": torch.zeros(3)}), "1 unknown (head.bias)."),
        (
            lambda state: state.update({"features.0.bias": torch.zeros(3)}),
            "1 misshapen (features.0.bias (3,) instead of (64,)).",
        ),
    ],
    ids=["missing", "unknown", "misshapen"],
)
def test_one_wrong_key_is_enough_to_refuse_weights(tmp_path, state, change, fault):
    wrong = dict(state)
    change(wrong)
    torch.save(wrong, tmp_path / "weights.pt")
    assert f"do not fit SqueezeNet: {fault} Nothing was loaded." in refused(tmp_path / "weights.pt")


def test_only_the_first_of_many_wrong_keys_are_named(tmp_path, state):
    torch.save({f"net.{key}": value for key, value in state.items()}, tmp_path / "weights.pt")
    message = refused(tmp_path / "weights.pt")
    assert f"{len(state)} missing (features.0.weight, " in message
    assert f"{len(state)} unknown (net.features.0.weight, " in message
    assert message.count("weight") + message.count("bias") < 20


class Booby:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    "save", [torch.save, lambda state, path: path.write_bytes(pickle.dumps(state, protocol=2))], ids=["torch", "pickle"]
)
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, save):
    path, trace = tmp_path / "weights.pt", tmp_path / "trace"
    save({"weight": Booby(trace)}, path)
    if save is torch.save:
        torch.load(path, weights_only=False)
    else:
        pickle.loads(path.read_bytes())
    assert trace.exists(), "the pickle of this test is harmless"
    trace.unlink()
    assert "not a readable file of weights" in refused(path)
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 half a zip"], ids=["empty", "text", "broken"])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, content, ending):
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(content)
    assert "not a readable file of weights" in refused(path)


@pytest.mark.parametrize(
    "saved",
    [torch.zeros(3), [torch.zeros(3)], {"epoch": 3, "state_dict": {"weight": torch.zeros(3)}}],
    ids=["tensor", "list", "checkpoint"],
)
def test_what_is_no_state_dict_is_refused_with_advice(tmp_path, saved):
    torch.save(saved, tmp_path / "weights.pt")
    assert "expected a state dict, names to tensors; save `network.state_dict()` alone" in refused(tmp_path / "weights.pt")


def test_a_whole_network_in_the_place_of_its_weights_is_refused(tmp_path):
    torch.save(build(SMALL), tmp_path / "weights.pt")
    assert "not a readable file of weights" in refused(tmp_path / "weights.pt")


# --- baselines


@pytest.fixture(scope="module")
def bank():
    return GaborBank()


def grating(orientation, frequency, size=128):
    """Sine grating in one of N_ORIENTATIONS directions, frequency in cycles per image.

    Both axes hold a whole number of cycles, because for the Fourier transform the image goes on behind its border.
    """
    angle = orientation * np.pi / N_ORIENTATIONS
    y, x = np.mgrid[:size, :size] / size
    phase = 2 * np.pi * (x * np.round(frequency * np.cos(angle)) + y * np.round(frequency * np.sin(angle)))
    return torch.from_numpy(0.5 + 0.4 * np.sin(phase)).float()[None]


def test_pixels_are_the_images_themselves():
    images = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = Pixels()(images)
    assert torch.equal(seen, images)
    assert seen.data_ptr() != images.data_ptr()


def test_the_gabor_bank_has_a_layer_for_each_frequency_and_one_for_all(bank):
    sizes = []
    stream(bank, grating(0, 4).expand(3, 1, 128, 128), lambda name, X: sizes.append(X.shape))
    one = N_ORIENTATIONS * POOLED**2
    assert sizes == [(3, one)] * len(FREQUENCIES) + [(3, len(FREQUENCIES) * one)]


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_the_gabor_bank_gives_no_energy_to_uniform_images(bank, grey):
    assert bank(torch.full((1, 1, 128, 128), grey)).abs().max() < 1e-6


@pytest.mark.parametrize("scale", range(len(FREQUENCIES)))
def test_the_gabor_bank_answers_most_in_the_channel_of_a_grating(bank, scale):
    gratings = torch.stack([grating(orientation, FREQUENCIES[scale]) for orientation in range(N_ORIENTATIONS)])
    energy = bank(gratings).mean(dim=(2, 3))
    assert energy.argmax(dim=1).tolist() == [scale * N_ORIENTATIONS + orientation for orientation in range(N_ORIENTATIONS)]


# --- what a network sees


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 24, 32), np.uint8)


@pytest.mark.parametrize("size", [10, 24, 57])
def test_rgb_input_equals_the_transforms_of_torchvision(images, size):
    make_torchvision_importable()
    from torchvision import transforms

    transform = transforms.Compose(
        [
            transforms.Resize((size, size), transforms.InterpolationMode.BILINEAR, antialias=True),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET["mean"], IMAGENET["std"]),
        ]
    )
    expected = np.stack([transform(Image.fromarray(image).convert("RGB")).numpy() for image in images])
    seen = preprocess(images, IMAGENET | {"size": size})
    assert (seen.shape, seen.dtype) == ((3, 3, size, size), np.float32)
    np.testing.assert_allclose(seen, expected, rtol=0, atol=2e-6)


def test_bgr_input_of_range_255_is_that_of_caffe():
    images = np.arange(25, dtype=np.uint8).reshape(1, 5, 5) * 10
    recipe = {"size": 5, "range": 255, "mean": [104, 117, 123], "std": [1, 1, 1], "channels": "bgr"}
    blue, green, red = preprocess(images, recipe)[0]
    assert (blue[0, 0], green[0, 0], red[0, 0]) == (-104, -117, -123)
    for channel, mean in ((blue, 104), (green, 117), (red, 123)):
        np.testing.assert_array_equal(channel, images[0].astype(np.float32) - mean)


def test_mean_and_deviation_are_in_the_order_of_the_channels():
    images = np.full((1, 4, 4), 255, np.uint8)
    recipe = {"size": 4, "range": 1, "mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 4.0], "channels": "bgr"}
    np.testing.assert_allclose(preprocess(images, recipe)[0, :, 0, 0], [0.9, 0.4, 0.175], rtol=1e-6)


def test_grey_input_has_one_channel(images):
    recipe = {"size": 16, "range": 1, "mean": [0.0], "std": [1.0], "channels": "grey"}
    squashed = [np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR)) for image in images]
    seen = preprocess(images, recipe)
    assert seen.shape == (3, 1, 16, 16)
    np.testing.assert_allclose(seen[:, 0], np.stack(squashed) / 255, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("channels", "n"), [("rgb", 1), ("bgr", 2), ("grey", 3)])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_numbers_for_another_number_of_channels_are_refused(images, channels, n, key):
    n_channels = 1 if channels == "grey" else 3
    recipe = {"size": 8, "range": 1, "mean": [0.5] * n_channels, "std": [0.5] * n_channels, "channels": channels}
    with pytest.raises(InputError, match=rf"input: {channels} needs {n_channels} values of {key}, got"):
        preprocess(images, recipe | {key: [0.5] * n})


def test_the_input_of_the_configuration_is_that_of_imagenet(root):
    assert yaml.safe_load((root / "config.yaml").read_text())["input"] == IMAGENET
