"""Baselines: pixels, the Gabor bank, and noise that knows nothing of the images."""

import numpy as np
import pytest
import torch
from scoring import score_rsa

from dormouse.features import extraction
from dormouse.features.extraction import stream
from dormouse.features.layers import LAYERS
from dormouse.features.plan import Plan, designs
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


def scenes(n_images, seed=0, shape=(1, 8, 8)):
    return torch.rand(n_images, *shape, generator=torch.Generator().manual_seed(seed))


def test_noise_has_layers_of_the_sizes_of_networks():
    assert [X.shape for X in layers(noise(), scenes(3))] == [(3, n_features) for n_features in NOISE_FEATURES]


def test_a_seed_of_noise_gives_the_same_again_and_another_gives_others(small):
    first, again, other = (layers(noise(seed), scenes(3)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any((a == b).any() for a, b in zip(first, other, strict=True))


def test_noise_is_the_same_at_every_call_whatever_else_was_drawn(small):
    network = noise()
    first = layers(network, scenes(3))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert all(torch.equal(a, b) for a, b in zip(first, layers(network, scenes(3)), strict=True))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 12)], ids=str)
def test_an_image_has_its_noise_in_whatever_batch_place_and_layout(small, shape):
    network, images = noise(), scenes(9, shape=shape)
    expected = [layer(images) for layer in network.sizes]
    order = torch.tensor([8, 3, 3, 0])
    others = {
        "alone": lambda layer: torch.cat([layer(image[None]) for image in images])[order],
        "in another order, and twice": lambda layer: layer(images[order]),
        "of another layout": lambda layer: layer(images.to(memory_format=torch.channels_last))[order],
        "a view": lambda layer: layer(images.flip(0))[8 - order],
        "in a part": lambda layer: layer(images.mT.contiguous().mT)[order],
    }
    for layer, X in zip(network.sizes, expected, strict=True):
        for name, way in others.items():
            assert torch.equal(way(layer), X[order]), name
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(layer(images), X)
        assert len(X.unique()) > 0.99 * X.numel()


def test_equal_images_have_equal_noise_and_others_differ_by_the_least_bit(small):
    images = scenes(1).repeat(3, 1, 1, 1)
    images[2, 0, 4, 4] = torch.nextafter(images[2, 0, 4, 4], torch.tensor(2.0))
    for layer in noise().sizes:
        first, second, third = layer(images)
        assert torch.equal(first, second)
        assert not (first == third).any()


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 64, 48), (3, 8, 8)], ids=str)
def test_noise_knows_nothing_of_what_images_show(small, shape):
    """Images that are almost the same have noise as different as others."""
    images = scenes(1, shape=shape) + 1e-3 * scenes(60, seed=1, shape=shape)
    for X in layers(noise(), images):
        between = torch.corrcoef(X)[*torch.triu_indices(60, 60, 1)]
        assert between.abs().max() < 5 / X.shape[1] ** 0.5


def test_noise_is_normal_and_alike_neither_between_images_nor_between_layers(small):
    found = layers(noise(), scenes(100))
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
    assert all(torch.equal(a, b) for a, b in zip(layers(other, scenes(3)), layers(noise(), scenes(3)), strict=True))


PLANS = [(1, 8), (1, 5), (3, 2), (7, 1), (276, 2)]  # passes, images at a time
N_IMAGES = 24


def kernels_of_noise(monkeypatch, n_passes, batch, sizes, seed=0, layers="all"):
    """Return the kernels of noise of layers of these sizes, by a plan of so many passes."""
    monkeypatch.setattr("dormouse.models.baselines.NOISE_FEATURES", sizes)
    passes = next(passes for passes in designs(N_IMAGES) if len(passes) == n_passes)
    names = [f"NoiseLayer-{k}" for k in range(1, len(sizes) + 1)] + ["Noise-1"]
    monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: Plan(passes, [frozenset(names)], batch, 0, 0))
    return extraction.extract(noise(seed), scenes(N_IMAGES).numpy(), layers, ["srp", "zscore"], 0.9, 0, threads=1)


@pytest.mark.parametrize("layers", LAYERS)
def test_kernels_of_noise_are_the_same_by_every_plan(monkeypatch, layers):
    first, *others = (kernels_of_noise(monkeypatch, *plan, (300, 500), layers=layers) for plan in PLANS)
    assert first["layer"].tolist() == ["NoiseLayer-1", "NoiseLayer-2"]
    for other in others:
        assert other["layer"].tolist() == first["layer"].tolist()
        for name in ("centred", "srp", "zscore", "row_sum"):
            np.testing.assert_allclose(other[name], first[name], rtol=0, atol=1e-5 * np.abs(first[name]).max())


@pytest.mark.parametrize("plan", [(1, 8), pytest.param((7, 2), marks=pytest.mark.slow)])  # kernels are the same by every plan
def test_the_null_of_noise_is_that_of_independent_features(monkeypatch, plan):
    """RSA of 200 layers with one RDM, and that of Gaussian features that a loop draws."""
    rng, n_layers, n_features = np.random.default_rng(0), 200, 50
    upper = np.triu_indices(N_IMAGES, 1)
    target = 1 - np.corrcoef(rng.standard_normal((N_IMAGES, 20)))
    kernels = kernels_of_noise(monkeypatch, *plan, (n_features,) * n_layers)
    targets = {"rdm": target[None], "area": ["VISp"], "cortical_layer": ["all"], "n_neurons": np.array([20])}
    table = score_rsa(kernels, targets)
    found = table[table.method == table.method.iloc[0]].score
    naive = [
        np.corrcoef(1 - np.corrcoef(rng.standard_normal((N_IMAGES, n_features)))[upper], target[upper])[0, 1] for _ in found
    ]
    assert len(found) == n_layers
    error = np.std(naive) / np.sqrt(2 * n_layers)
    assert abs(found.std() - np.std(naive)) < 4 * np.sqrt(2) * error
    assert abs(found.mean()) < 5 * np.std(naive) / np.sqrt(n_layers)


def test_noise_gives_its_last_layer():
    network = Noise()
    with torch.inference_mode():
        assert torch.equal(network(scenes(3)), network.sizes[-1](scenes(3)))
