"""What a network sees: images squashed, scaled and normalised as its recipe says."""

import numpy as np
import pytest
import yaml
from PIL import Image

from dormouse.errors import InputError
from dormouse.models.loaders import make_torchvision_importable
from dormouse.stimuli.preprocessing import low_pass, preprocess

IMAGENET = {
    **{"size": 224, "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    **{"channels": "rgb", "interpolation": "bilinear"},
}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 24, 32), np.uint8)


@pytest.mark.parametrize("size", [10, 24, 57])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_rgb_input_equals_the_transforms_of_torchvision(images, size, interpolation):
    make_torchvision_importable()
    from torchvision import transforms

    transform = transforms.Compose(
        [
            transforms.Resize((size, size), transforms.InterpolationMode(interpolation), antialias=True),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET["mean"], IMAGENET["std"]),
        ]
    )
    expected = np.stack([transform(Image.fromarray(image).convert("RGB")).numpy() for image in images])
    seen = preprocess(images, IMAGENET | {"size": size, "interpolation": interpolation})
    assert (seen.shape, seen.dtype) == ((3, 3, size, size), np.float32)
    np.testing.assert_allclose(seen, expected, rtol=0, atol=2e-6)


def test_the_interpolation_changes_what_is_seen(images):
    seen = [preprocess(images, IMAGENET | {"size": 10, "interpolation": method}) for method in ("bilinear", "bicubic")]
    assert np.abs(seen[0] - seen[1]).max() > 0.1


def test_bgr_input_of_range_255_is_that_of_caffe():
    images = np.arange(25, dtype=np.uint8).reshape(1, 5, 5) * 10
    recipe = IMAGENET | {"size": 5, "range": 255, "mean": [104, 117, 123], "std": [1, 1, 1], "channels": "bgr"}
    blue, green, red = preprocess(images, recipe)[0]
    assert (blue[0, 0], green[0, 0], red[0, 0]) == (-104, -117, -123)
    for channel, mean in ((blue, 104), (green, 117), (red, 123)):
        np.testing.assert_array_equal(channel, images[0].astype(np.float32) - mean)


def test_mean_and_deviation_are_in_the_order_of_the_channels():
    images = np.full((1, 4, 4), 255, np.uint8)
    recipe = IMAGENET | {"size": 4, "mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 4.0], "channels": "bgr"}
    np.testing.assert_allclose(preprocess(images, recipe)[0, :, 0, 0], [0.9, 0.4, 0.175], rtol=1e-6)


def test_half_as_mean_and_deviation_is_from_minus_1_to_1():
    images = np.array([[[0, 255], [255, 0]]], np.uint8)
    seen = preprocess(images, IMAGENET | {"size": 2, "mean": [0.5] * 3, "std": [0.5] * 3})
    np.testing.assert_array_equal(seen, np.broadcast_to([[-1, 1], [1, -1]], (1, 3, 2, 2)))


def test_grey_input_has_one_channel(images):
    recipe = IMAGENET | {"size": 16, "mean": [0.0], "std": [1.0], "channels": "grey"}
    squashed = [np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR)) for image in images]
    seen = preprocess(images, recipe)
    assert seen.shape == (3, 1, 16, 16)
    np.testing.assert_allclose(seen[:, 0], np.stack(squashed) / 255, rtol=0, atol=1e-7)


def test_images_are_squashed_not_cropped():
    images = np.zeros((1, 24, 96), np.uint8)
    images[:, :, [0, -1]] = 255
    seen = preprocess(images, IMAGENET | {"size": 24, "mean": [0.0], "std": [1.0], "channels": "grey"})[0, 0]
    assert (seen[:, [0, -1]] > 0.1).all()
    assert (seen[:, 2:-2] == 0).all()


@pytest.mark.parametrize(("channels", "n"), [("rgb", 1), ("bgr", 2), ("grey", 3)])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_numbers_for_another_number_of_channels_are_refused(images, channels, n, key):
    n_channels = 1 if channels == "grey" else 3
    recipe = IMAGENET | {"size": 8, "mean": [0.5] * n_channels, "std": [0.5] * n_channels, "channels": channels}
    with pytest.raises(InputError, match=rf"input: {channels} needs {n_channels} values of {key}, got"):
        preprocess(images, recipe | {key: [0.5] * n})


@pytest.mark.parametrize("std", [[0.2, 0.0, 0.2], [0.2, 0.2, -1.0]])
def test_a_deviation_that_is_not_above_0_is_refused(images, std):
    with pytest.raises(InputError, match=r"input: std must be above 0, got \["):
        preprocess(images, IMAGENET | {"std": std})


def test_the_input_of_the_configuration_is_that_of_imagenet(root):
    assert yaml.safe_load((root / "config.yaml").read_text())["input"] == IMAGENET


@pytest.mark.parametrize(("acuity_cpd", "degrees"), [(0.5, 30.0), (0.2, 60.0), (1.0, 10.0)])
def test_the_blur_has_the_transfer_of_a_gaussian_that_halves_contrast_at_the_acuity(acuity_cpd, degrees):
    """By the Fourier transform of a point, in the middle of an image that is wider than high."""
    point = np.zeros((96, 128))
    point[48, 64] = 1
    found = np.abs(np.fft.fft2(low_pass(point, acuity_cpd, degrees)))
    fx, fy = np.meshgrid(np.fft.fftfreq(128) * 128 / degrees, np.fft.fftfreq(96) * 128 / degrees)  # cycles per degree
    f = np.hypot(fx, fy)
    # no further: higher frequencies are folded into the samples of a Gaussian
    np.testing.assert_allclose(found[f <= acuity_cpd], 0.5 ** ((f / acuity_cpd) ** 2)[f <= acuity_cpd], rtol=0, atol=2e-3)
    assert found[0, 0] == pytest.approx(1, abs=1e-9)


def test_a_network_sees_a_grating_at_the_acuity_with_half_of_its_contrast():
    size, cycles = 120, 15  # 0.5 cycles per degree on 30 degrees
    row = np.cos(2 * np.pi * cycles * np.arange(size) / size)
    images = np.rint(127.5 + 100 * np.broadcast_to(row, (1, size, size))).astype(np.uint8)
    recipe = {"size": size, "range": 255, "mean": [0.0], "std": [1.0], "channels": "grey", "interpolation": "bilinear"}
    sharp, blurred = preprocess(images, recipe), preprocess(images, recipe | {"blur": {"acuity_cpd": 0.5, "degrees": 30}})
    inside = slice(20, 100)  # far from the edge, where the image ends
    ratio = np.ptp(blurred[..., inside]) / np.ptp(sharp[..., inside])
    assert ratio == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(
        preprocess(np.full((1, 8, 8), 90, np.uint8), recipe | {"blur": {"acuity_cpd": 0.1, "degrees": 9}}), 90
    )
