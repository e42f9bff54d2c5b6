"""Whether a method tells areas apart, in animals whose areas differ, or do not."""

import numpy as np
import pandas as pd
import pytest
from experiments import LEFT_OUT, RSA
from scipy.stats import t

from dormouse.inference.specificity import of_areas, scores_between_animals
from dormouse.methods.rdms import rdm_from_patterns, upper_triangles

N_IMAGES = 30
STIMULI = [f"scene_{k}" for k in range(N_IMAGES)]


def population(own: float, n_animals: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Return neurons of two areas of some animals: latents of all, and of the area by a share; VISl has much noise."""
    rng = np.random.default_rng(seed)
    shared, of_area = rng.standard_normal((N_IMAGES, 6)), rng.standard_normal((2, N_IMAGES, 6))
    parts, owners = [], []
    for animal in range(n_animals):
        for k, area in enumerate(("VISp", "VISl")):
            latents = (1 - own) * shared + own * of_area[k]
            parts.append(latents @ rng.standard_normal((6, 20)) + (1 + 2 * k) * rng.standard_normal((N_IMAGES, 20)))
            owners += [{"area": area, "animal": f"m{animal}"}] * 20
    Y, table = np.hstack(parts), pd.DataFrame(owners)
    named = {key: table[key].to_numpy(str) for key in table} | {"cortical_layer": np.full(len(table), "")}
    named |= {"recording": named["animal"], "neuron": np.arange(len(table)).astype(str)}
    return named | {"mean": Y, "odd": Y, "even": Y}


@pytest.mark.parametrize("row", [RSA, LEFT_OUT], ids=["rsa", "ridge"])
def test_areas_of_their_own_are_specific_and_areas_that_are_alike_are_not(row):
    found = {own: pd.DataFrame(of_areas(scores_between_animals("m", row, population(own), STIMULI, 3))) for own in (0.8, 0.0)}
    assert list(found[0.8].area) == ["VISl", "VISp"]
    assert (found[0.8].low > 0).all(), found[0.8]
    assert ((found[0.0].low < 0) & (found[0.0].high > 0)).all(), "noise in one area does not make the other more specific"
    assert (found[0.0].set_index("area").same["VISp"] - found[0.0].set_index("area").same["VISl"]) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n_animals", [3, 4, 7])
def test_intervals_hold_the_truth_with_few_animals(n_animals):
    for own in (0.0, 0.5):
        drawn = (scores_between_animals("m", RSA, population(own, n_animals, seed), STIMULI, 3) for seed in range(150))
        table = pd.DataFrame([of_areas(scores)[0] for scores in drawn])
        truth = table.specificity.mean() if own else 0.0
        assert ((table.low <= truth) & (truth <= table.high)).mean() > 0.9, (own, table)


def test_scores_are_those_of_a_loop_over_animals():
    Y = population(0.5)
    scores = scores_between_animals("m", RSA, Y, STIMULI, 3)
    for (area, animal), row in scores.iterrows():
        for (other_area, other), value in row.items():
            rdms = [
                upper_triangles(rdm_from_patterns(Y["mean"][:, (Y["area"] == a) & (Y["animal"] == m)])[None])[0]
                for a, m in ((area, animal), (other_area, other))
            ]
            assert np.isnan(value) if animal == other else value == pytest.approx(np.corrcoef(rdms)[0, 1])
    S = {(a, b): np.nanmean(scores.loc[a, b]) for a in ("VISp", "VISl") for b in ("VISp", "VISl")}
    expected = np.sqrt(S["VISp", "VISp"] * S["VISl", "VISl"]) - np.sqrt(S["VISp", "VISl"] * S["VISl", "VISp"])
    assert [line["specificity"] for line in of_areas(scores)] == pytest.approx([expected, expected])


def test_scores_that_differ_by_direction_are_averaged_and_animals_left_out_one_by_one():
    rng, areas, animals = np.random.default_rng(0), ("A", "B", "C"), ("m0", "m1", "m2", "m3")
    index = pd.MultiIndex.from_product([areas, animals], names=["area", "animal"])
    scores = pd.DataFrame(rng.uniform(0.1, 0.5, (12, 12)), index=index, columns=index)
    scores = scores.mask(index.get_level_values("animal").to_numpy()[:, None] == index.get_level_values("animal").to_numpy())

    def of_first(kept) -> float:
        pairs = [(a, b) for a in kept for b in kept if a != b]
        S = {(x, y): np.mean([scores.loc[(x, a), (y, b)] for a, b in pairs]) for x in areas for y in areas}
        others = [np.sqrt(S["A", "A"] * S[x, x]) - np.sqrt(S["A", x] * S[x, "A"]) for x in "BC"]
        return float(np.mean(others))

    line = of_areas(scores)[0]
    without = np.array([of_first([other for other in animals if other != animal]) for animal in animals])
    sem = np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    assert line["specificity"] == pytest.approx(of_first(animals))
    assert (line["high"] - line["low"]) / 2 == pytest.approx(t.ppf(0.975, 3) * sem)
    assert line["p"] == pytest.approx(2 * t.sf(abs(line["specificity"]) / sem, 3))


def test_little_data_give_what_they_can():
    two = of_areas(scores_between_animals("m", RSA, population(0.8, 2), STIMULI, 3))
    assert len(two) == 2 and all("low" not in line for line in two), "no interval over two animals"
    assert of_areas(scores_between_animals("m", RSA, population(0.8, 1), STIMULI, 3)) == []
    assert of_areas(scores_between_animals("m", RSA, population(0.8), STIMULI, 1000)) == [], "too few neurons"
