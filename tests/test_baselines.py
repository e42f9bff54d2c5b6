"""Baselines: pixels, the Gabor bank, and noise that knows nothing of the images."""

import numpy as np
import pytest
import torch

from dormouse.features.extraction import stream
from dormouse.features.survey import survey
from dormouse.models.baselines import FREQUENCIES, N_ORIENTATIONS, NOISE_FEATURES, POOLED, GaborBank, Noise, Pixels
from dormouse.models.build import build


def noise(seed=0):
    return build({"source": "baseline", "name": "noise", "file": None, "seed": seed})


def layers(network, images):
    """Return the features of every layer of a network; a layer that only repeats the one before is left out."""
    found = [torch.empty(0)]

    def visit(layer, parts, repeats):
        if not torch.equal(found[-1], parts[0].flatten(1)):
            found.append(parts[0].flatten(1).clone())

    stream(network, [images], survey(network, images), visit)
    return found[1:]


# --- pixels


def test_pixels_are_the_images_themselves():
    images = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = Pixels()(images)
    assert torch.equal(seen, images)
    assert seen.data_ptr() != images.data_ptr()


# --- Gabor bank


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


def test_the_gabor_bank_has_a_layer_for_each_frequency_and_one_for_all(bank):
    one = N_ORIENTATIONS * POOLED**2
    shapes = [X.shape for X in layers(bank, grating(0, 4).expand(3, 1, 128, 128))]
    assert shapes == [(3, one)] * len(FREQUENCIES) + [(3, len(FREQUENCIES) * one)]


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_the_gabor_bank_gives_no_energy_to_uniform_images(bank, grey):
    assert bank(torch.full((1, 1, 128, 128), grey)).abs().max() < 1e-6


@pytest.mark.parametrize("scale", range(len(FREQUENCIES)))
@pytest.mark.parametrize("size", [96, 128])
def test_the_gabor_bank_answers_most_in_the_channel_of_a_grating(bank, scale, size):
    gratings = torch.stack([grating(orientation, FREQUENCIES[scale], size) for orientation in range(N_ORIENTATIONS)])
    energy = bank(gratings).mean(dim=(2, 3))
    assert energy.argmax(dim=1).tolist() == [scale * N_ORIENTATIONS + orientation for orientation in range(N_ORIENTATIONS)]


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (24, 32), (37, 53), (128, 128), (300, 200)], ids=str)
def test_the_gabor_bank_takes_images_of_any_size(bank, size):
    energy = bank(torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0)))
    assert energy.shape == (2, len(FREQUENCIES) * N_ORIENTATIONS, POOLED, POOLED)
    assert energy.isfinite().all()
    assert (energy >= 0).all()


def test_the_gabor_bank_sees_each_image_by_itself(bank):
    images = torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([bank(image[None]) for image in images])
    torch.testing.assert_close(bank(images), alone, rtol=1e-5, atol=1e-6)
    assert not torch.equal(alone[0], alone[1])


# --- noise


@pytest.fixture
def small(monkeypatch):
    """Let the largest layers of noise be small; where their size matters, the test does without."""
    monkeypatch.setattr("dormouse.models.baselines.NOISE_FEATURES", (1_000, 2_000, 3_000))


def blank(n_images):
    return torch.zeros(n_images, 1, 8, 8)


def test_noise_has_layers_of_the_sizes_of_networks():
    assert [X.shape for X in layers(noise(), blank(3))] == [(3, n_features) for n_features in NOISE_FEATURES]


def test_a_seed_of_noise_gives_the_same_again_and_another_gives_others(small):
    first, again, other = (layers(noise(seed), blank(3)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any((a == b).any() for a, b in zip(first, other, strict=True))


def test_noise_is_the_same_at_every_call_whatever_else_was_drawn(small):
    network = noise()
    first = layers(network, blank(3))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert all(torch.equal(a, b) for a, b in zip(first, layers(network, blank(3)), strict=True))
    assert torch.equal(before, torch.get_rng_state())


def test_the_same_image_of_a_row_has_the_same_noise_however_many_there_are(small):
    few, many = (layers(noise(), blank(n_images)) for n_images in (3, 119))
    assert all(torch.equal(a, b[:3]) for a, b in zip(few, many, strict=True))


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 1, 64, 48), (3, 3, 8, 8)], ids=str)
def test_noise_knows_nothing_of_the_images(small, shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 100
    assert all(torch.equal(a, b) for a, b in zip(layers(noise(), blank(3)), layers(noise(), images), strict=True))


def test_noise_is_normal_and_alike_neither_between_images_nor_between_layers(small):
    found = layers(noise(), blank(100))
    for X in found:
        X = X.double()
        n, tolerance = X.numel(), 5  # standard errors
        assert abs(X.mean()) < tolerance / n**0.5
        assert abs(X.var() - 1) < tolerance * (2 / n) ** 0.5
        assert abs((X**4).mean() - 3) < tolerance * (96 / n) ** 0.5
        between = torch.corrcoef(X)[*torch.triu_indices(100, 100, 1)]
        assert abs(between.std() * X.shape[1] ** 0.5 - 1) < 0.1
    first = torch.stack([X[:, :1_000].flatten() for X in found])
    assert torch.corrcoef(first).fill_diagonal_(0).abs().max() < 5 / first.shape[1] ** 0.5


def test_the_seed_of_noise_is_kept_with_its_weights(small):
    seeds = [value.item() for value in noise().state_dict().values()]
    assert len(set(seeds)) == len(seeds) == 3
    other = noise(1)
    other.load_state_dict(noise().state_dict())
    assert all(torch.equal(a, b) for a, b in zip(layers(other, blank(3)), layers(noise(), blank(3)), strict=True))


def test_noise_gives_its_last_layer():
    network = Noise()
    with torch.inference_mode():
        assert torch.equal(network(blank(3)), network.sizes[-1](blank(3)))
