"""Quantities of single units: against loops over their definitions, on units whose answer is known, through the workflow."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from dormouse.inference.unit_distances import distances
from dormouse.mousenet.anatomy import Options, read_anatomy, split_name
from dormouse.mousenet.network import MouseNet
from dormouse.mousenet.unit_statistics import draw_units, measure_network, unit_activity
from dormouse.neurons.unit_statistics import measure_neurons
from dormouse.stimuli.gratings import FIELD_DEG, FREQUENCIES, ORIENTATIONS_DEG, PHASES, gratings
from dormouse.stimuli.images import BLANK, Stimuli
from dormouse.stimuli.preprocessing import preprocess
from dormouse.tables import read_table
from dormouse.unit_statistics import (
    NEGATIVE,
    image_selectivity,
    lifetime_sparseness,
    measure,
    orientation_selectivity,
    signal_correlation,
)

RECIPE = {
    **{"size": 16, "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    **{"channels": "rgb", "interpolation": "bilinear"},
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_sparseness_of_units_that_answer_to_all_to_one_and_to_none():
    R = np.stack([np.full(10, 3.0), np.eye(10)[4] * 7, np.zeros(10)], axis=1)
    np.testing.assert_allclose(lifetime_sparseness(R), [0, 1, np.nan], atol=1e-12)


def test_sparseness_is_its_definition(rng):
    R = rng.gamma(1.0, size=(118, 5))
    for r, found in zip(R.T, lifetime_sparseness(R), strict=True):
        n = len(r)
        assert found == pytest.approx((1 - (sum(r) / n) ** 2 / (sum(r**2) / n)) / (1 - 1 / n))


@pytest.mark.parametrize("negative", NEGATIVE)
def test_sparseness_and_orientation_selectivity_of_signed_responses_lie_between_0_and_1(rng, negative):
    """Noise around 0, silent units, responses below 0 alone, and responses above 0 alone, whose values are those without."""
    shape = (6, 5, 4)
    scenes = np.concatenate([rng.standard_normal((118, 200)), np.zeros((118, 3))], axis=1)
    scenes = np.concatenate([scenes, -rng.gamma(1.0, size=(118, 2)), rng.gamma(1.0, size=(118, 2))], axis=1)
    bars = np.concatenate([rng.standard_normal((*shape, 200)), np.zeros((*shape, 3))], axis=-1)
    bars = np.concatenate([bars, -rng.gamma(1.0, size=(*shape, 2)), rng.gamma(1.0, size=(*shape, 2))], axis=-1)
    found = measure(scenes, bars, rng, negative)
    sparseness, selectivity = found.lifetime_sparseness, found.orientation_selectivity
    for values in (sparseness, selectivity):
        assert values.dropna().between(0, 1).all()
        assert values[200:205].isna().all() and values[205:].notna().all()
        assert values[:200].notna().all() if negative == "rectify" else values[:200].isna().all()
    np.testing.assert_allclose(sparseness[205:], lifetime_sparseness(scenes[:, 205:]))
    np.testing.assert_allclose(selectivity[205:], orientation_selectivity(bars[..., 205:]))
    if negative == "rectify":
        for r, value in zip(scenes[:, :5].T, sparseness, strict=False):
            rates = [max(x, 0) for x in r]
            expected = (1 - np.mean(rates) ** 2 / np.mean(np.square(rates))) / (1 - 1 / 118)
            assert value == pytest.approx(expected)


def test_image_selectivity_is_that_of_a_thousand_thresholds(rng):
    R = rng.gamma(0.5, size=(118, 4))
    for r, found in zip(R.T, image_selectivity(R), strict=True):
        above = [np.mean(r > threshold) for threshold in np.linspace(r.min(), r.max(), 1000)]
        assert found == pytest.approx(1 - 2 * np.mean(above), abs=2e-3)
    assert np.isnan(image_selectivity(np.ones((5, 1)))).all()


def test_orientation_selectivity_at_the_best_frequency_and_phase():
    R = np.full((6, 5, 4, 3), 0.1)
    R[2, 1, 3, 0] = 50.0  # only one orientation, almost
    R[:, :, :, 1] = 1.0  # all alike
    R[[1, 4], 0, 0, 2] = 5.0  # at right angles, of another phase than
    R[3, 4, 2, 2] = 9.0
    found = orientation_selectivity(R)
    by_hand = [R[:, 1, 3, 0], R[:, 0, 0, 1], R[:, 4, 2, 2]]
    expected = [abs(sum(r * np.exp(2j * np.deg2rad(ORIENTATIONS_DEG)))) / sum(r) for r in by_hand]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[0] > 0.98
    assert found[1] == pytest.approx(0, abs=1e-12)


def test_signal_correlation_of_copies_opposites_and_noise(rng):
    r = rng.standard_normal(50)
    np.testing.assert_allclose(signal_correlation(np.stack([r, 2 * r + 1], axis=1), rng), 1)
    np.testing.assert_allclose(signal_correlation(np.stack([r, -r], axis=1), rng), -1)
    noise = signal_correlation(rng.standard_normal((118, 3000)), rng)
    assert noise.mean() == pytest.approx(0, abs=0.006)
    assert noise.std() == pytest.approx(1 / np.sqrt(117), rel=0.05)
    assert np.isnan(signal_correlation(r[:, None], rng)).all()
    constant = np.stack([r, np.full(50, 0.3)], axis=1)  # whose mean is rounded
    assert np.isnan(signal_correlation(constant, rng)).all()


@pytest.mark.parametrize("size", [16, 64, 128])
def test_gratings_have_their_frequency_and_orientation_in_what_a_network_sees_or_are_grey(size):
    """By the peak of a spectrum, in cycles a degree of a field of 64 degrees, whatever the size of the input."""
    bars = gratings(size)
    seen = preprocess(bars.reshape(-1, *bars.shape[-2:]), RECIPE | {"size": size})[:, 0] * RECIPE["std"][0] + RECIPE["mean"][0]
    seen = seen.reshape(len(ORIENTATIONS_DEG), len(FREQUENCIES), len(PHASES), size, size)
    resolved = [frequency <= size / 2 / 64 for frequency in FREQUENCIES]
    assert sum(resolved) == (3 if size == 16 else 5)
    np.testing.assert_allclose(seen[:, ~np.array(resolved)], 0.5, atol=0.003)
    degree = size / FIELD_DEG  # pixels
    for i, angle in enumerate(np.deg2rad(ORIENTATIONS_DEG)):
        for j, frequency in enumerate(FREQUENCIES[1:], start=1):
            if resolved[j]:
                power = np.abs(np.fft.rfft2(seen[i, j, 0] - seen[i, j, 0].mean(), (1024, 1024)))
                fy, fx = np.unravel_index(power.argmax(), power.shape)
                found = np.array([fx, fy if fy <= 512 else fy - 1024]) / 1024 * degree
                wanted = frequency * np.array([np.cos(angle), np.sin(angle)])
                assert min(np.linalg.norm(found - wanted), np.linalg.norm(found + wanted)) < 0.006
                assert np.ptp(seen[i, j]) > 0.5  # of 1 from black to white


def network(seed=0):
    torch.manual_seed(seed)
    return MouseNet(read_anatomy(Options(input_px=16, neuron_fraction=1 / 16, initialisation="masked"))).eval()


def test_activity_of_units_is_that_of_the_network(rng):
    inputs, net = torch.randn(20, 3, 16, 16), network()
    units = draw_units(net, inputs, 7, rng)
    found = unit_activity(net, inputs, units)
    assert list(found) == list(net.populations)
    with torch.inference_mode():
        whole = net.activity(inputs)
    for name, places in units.items():
        assert len(set(places.tolist())) == 7
        torch.testing.assert_close(torch.from_numpy(found[name]).float(), whole[name].flatten(1)[:, places])


def test_a_network_is_measured_without_the_blank_and_without_units_that_do_not_vary(rng, capsys):
    images = rng.integers(256, size=(8, 20, 20), dtype=np.uint8)
    names = np.array([*(f"scene_{k}" for k in range(8)), BLANK])
    scenes, shown = Stimuli(images, names[:8]), Stimuli(np.concatenate([images, images[:1] * 0]), names)
    found = measure_network(network(), shown, RECIPE, 30, seed=0, negative="rectify")
    said = dict(re.findall(r"(\S+): (\d+) of 30 units do not vary over the scenes, and are left out", capsys.readouterr().err))
    pd.testing.assert_frame_equal(found, measure_network(network(), scenes, RECIPE, 30, seed=0, negative="rectify"))
    assert len(said) == 22 and len(found) == 22 * 30 - sum(map(int, said.values())) < 22 * 30
    with torch.inference_mode():
        activity = network().activity(torch.from_numpy(preprocess(scenes.images, RECIPE)))
    varies = {name: (values != values[:1]).any(dim=0).flatten().numpy() for name, values in activity.items()}
    for (area, layer), rows in found.groupby(["area", "layer"]):
        assert varies[area + layer][rows.unit].all()
    assert {name: 30 - int(said[name]) for name in said} == found.groupby(found.area + found.layer).size().to_dict()
    assert set(found.area) == {"LGNd", "VISp", "VISl", "VISrl", "VISli", "VISpl", "VISal", "VISpor"}
    assert found.orientation_selectivity.between(0, 1).sum() > 200
    assert found[["lifetime_sparseness", "image_selectivity"]].notna().all(axis=None)


def test_neurons_are_measured_area_by_area_without_the_blank(rng):
    mean = rng.gamma(1.0, size=(9, 6))
    population = {
        **{"mean": mean, "area": np.array(["VISp"] * 4 + ["VISl"] * 2)},
        "cortical_layer": np.array(["4", "5", "", "4", "4", "4"]),
    }
    names = np.array([*"abcdefgh", BLANK])
    found = measure_neurons(population, names, seed=0, negative="rectify")
    np.testing.assert_allclose(found.lifetime_sparseness, lifetime_sparseness(mean[:8]))
    assert found.area.tolist() == population["area"].tolist()
    assert found.unit.tolist() == list(range(6))
    assert found.layer.tolist() == population["cortical_layer"].tolist()
    r = np.corrcoef(mean[:8].T)  # with a neuron of the same area and layer, if there is one
    np.testing.assert_allclose(found.signal_correlation, [r[0, 3], np.nan, np.nan, r[0, 3], r[4, 5], r[4, 5]])
    population["mean"][:, 2] -= 0.5
    assert measure_neurons(population, names, 0, "leave_out").lifetime_sparseness.isna().tolist() == [
        *(k == 2 for k in range(6))
    ]
    assert found.orientation_selectivity.isna().all()


def test_distances_of_shifted_and_of_equal_distributions():
    values = np.linspace(0, 0.5, 101)

    def units(model, area, shift):
        quantities = dict.fromkeys(("lifetime_sparseness", "image_selectivity", "signal_correlation"), values + shift)
        return pd.DataFrame({"model": model, "area": area, "layer": "4", **quantities, "orientation_selectivity": np.nan})

    table = pd.concat([units("net", "VISp", 0.2), units("net", "VISl", 0.0), units("", "VISp", 0.0)])
    found = distances(table).set_index(["area", "quantity"])
    assert len(found) == 6  # no gratings for neurons
    assert found.wasserstein["VISp", "lifetime_sparseness"] == pytest.approx(0.2)
    assert found.wasserstein["VISl", "signal_correlation"] == found.ks["VISl", "signal_correlation"] == 0
    assert found.ks["VISp", "image_selectivity"] == pytest.approx(0.4, abs=0.02)
    assert distances(table[table.model != ""]).empty


@pytest.mark.parametrize(
    ("name", "parts"), [("VISp2/3", ("VISp", "2/3")), ("VISpor5", ("VISpor", "5")), ("LGNd", ("LGNd", ""))]
)
def test_names_of_nodes_are_area_and_layer(name, parts):
    assert split_name(name) == parts


@pytest.mark.workflow
@pytest.mark.slow
def test_mousenet_is_trained_and_compared_by_the_workflow(tmp_path, snakemake):
    """A small simulated data set, MouseNet before and after training on digits: all the figures of this part."""
    line = {"source": "mousenet", "name": "small"}
    added = {
        "before": line | {"weights": "trained:mousenet_digits@0"},
        "after": line | {"weights": "trained:mousenet_digits"},
    }
    config = {
        **{"dataset": "demo", "areas": ["VISp", "VISl"], "reliability": {"n_splits": 5}},
        "demo": {"n_scenes": 12, "n_trials": 4, "n_neurons": 8, "height": 32},
        **{"selection": {"min_reliability": -1.0}, "thresholds": {"values": [0.0], "n_splits": 2}},
        "models": {"groups": ["baselines"], "exclude": ["noise-random0", "gabor"], "add": added},
        # the only method of regression is another than usual
        **{"methods": {"run": ["ridge_zscore", "mousenet"]}, "mousenet": {"units": {"negative": "leave_out"}}},
        "training": {"mousenet_digits": {"epochs": 1}},  # two are in test_loop
    }
    results = "results/demo"
    pictures = [*(f"{results}/figures/{name}.png" for name in ("nodes_rsa_spearman", "units"))]
    pictures += [*(f"{results}/figures/{name}.png" for name in ("trajectory_rsa_spearman", "training"))]
    pictures += [f"{results}/figures/network_small.png"]
    snakemake(*pictures, f"{results}/report.html", config=config)
    assert all((tmp_path / "run" / picture).stat().st_size > 20_000 for picture in pictures)
    history = read_table("training", tmp_path / "run/results/trained/mousenet_digits.parquet")
    assert history.test_accuracy.iloc[-1] > history.test_accuracy[0] + 0.5
    units = read_table("units", tmp_path / "run" / results / "tables/units.parquet")
    assert set(units.model) == {"", "before", "after"}
    models = read_table("models", tmp_path / "run" / results / "tables/models.parquet")
    assert models.weights_sha256.nunique() == 3
    connections = read_table("connections", tmp_path / "run/results/mousenet/small/connections.parquet")
    assert len(connections) == 49
    page = (tmp_path / "run" / results / "report.html").read_text()
    assert "Nodes of MouseNet beside cortical areas" in page
    assert "ridge regression from all features, z-scored over the images" in page
    assert "Method: ridge_zscore." in page
    assert re.search(r"units and neurons with\s+negative responses are\s+left out", page)
    best = read_table("best_layers", tmp_path / "run" / results / "tables/best_layers.parquet")
    score = best[
        (best.method == "ridge_zscore") & (best.model == "pixels") & (best.area == "VISl") & (best.cortical_layer == "all")
    ]
    assert f"<td>{score.score.item():.3f}<" in page
    distances = read_table("unit_distances", tmp_path / "run" / results / "tables/unit_distances.parquet")
    same = distances[(distances.model == "after") & (distances.area == distances.recorded_area)]
    far = same[same.quantity == "lifetime_sparseness"].wasserstein.mean()
    assert re.search(rf">after(</a>)?<td>{far:.3f}<", page)


@pytest.mark.workflow
def test_what_readers_are_told_to_run_can_be_run(root, snakemake):
    config = yaml.safe_load((root / "mousenet.yaml").read_text()) | {"dataset": "demo"}
    planned = snakemake("--dry-run", "--quiet", "rules", config=config)
    assert planned.returncode == 0, planned.stdout
    jobs = dict(line.split() for line in planned.stdout.splitlines() if re.fullmatch(r"\w+ +\d+", line))
    assert jobs["train_network"] == str(len(config["training"]))
    models = config["models"]  # besides: pixels and Gabor filters, and MouseNet and noise with every seed
    assert jobs["extract_features"] == str(len(models["add"]) + 2 + 2 * len(models["seeds"]))
