"""Which network is named: planted truth, chance where nothing is planted, plain loops, and scikit-learn for ROC curves."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from experiments import FOLDS, LEFT_OUT, RSA, kernels_of, population_of
from scipy.stats import pearsonr
from scoring import layers_of
from sklearn.metrics import roc_auc_score

from dormouse.inference import recovery
from dormouse.inference.layer_choice import draw_halves
from dormouse.inference.recovery import candidate, choose_networks, recover, separation, simulate, spread
from dormouse.methods import user
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.ridge import leave_one_out_r
from dormouse.tables import read_table, write_table

N = 30
STIMULI = [f"scene_{k}" for k in range(N)]
OTHER = RSA | {"choice": "other_images"}
METHODS = {"rsa": RSA, "other": OTHER, "left": LEFT_OUT, "folds": FOLDS}
CHOICE = {"n_halves": 4, "seed": 0}
SETTINGS = {"share": 1.0, "n_depths": 1, "n_simulations": 1}


@cache
def features(network: int, layer: int) -> np.ndarray:
    """Return features of a layer: of latents of its network, more mixed from layer to layer."""
    latents = np.random.default_rng([7, network]).standard_normal((N, 25)) * np.geomspace(1, 0.1, 25)
    own = np.random.default_rng([8, network, layer]).standard_normal((N, 25)) * np.geomspace(1, 0.1, 25)
    return (latents + layer * own) @ np.random.default_rng([network, layer]).standard_normal((25, 60)) + 1


def candidates(n: int = 4, n_layers: int = 2, in_family: int = 2):
    found = []
    for k in range(n):
        kernels = kernels_of([features(k, layer) for layer in range(n_layers)])
        found.append(candidate(f"m{k}", f"family{k // in_family}", layers_of(kernels), ModelKernels.of(kernels), n_layers))
    return found


def population(animals: str = "abc", n: int = 36, reliability: float = 0.9) -> dict[str, np.ndarray]:
    Y = np.random.default_rng(1).standard_normal((N, n)) * np.random.default_rng(2).uniform(1, 3, n) + 2
    return population_of(Y, np.resize(list(animals), n)) | {"reliability": np.full(n, reliability)}


def recovered(given=None, target=None, methods=METHODS, seed=0, **settings):
    target = population() if target is None else target
    given = candidates() if given is None else given
    return recover(given, {"strict": target}, methods, STIMULI, 3, CHOICE, SETTINGS | settings, seed)


def rates(table, methods=METHODS) -> dict[str, float]:
    return {method: (table.recovered == table.model)[table.method == method].mean() for method in methods}


def test_networks_are_recovered_where_they_explain_everything_and_not_by_chance_alone():
    table, apart = recovered(n_simulations=3, n_depths=2)
    assert len(table) == 4 * 4 * 2 * 3 and set(table.n_models) == {4}
    assert min(rates(table).values()) > 0.9
    for method in ("rsa", "folds"):
        own = table[(table.method == method) & (table.recovered == table.model)]
        assert (own.recovered_layer == own.layer).mean() > 0.8
    assert (table.best_score[table.recovered == table.model] == table.score[table.recovered == table.model]).all()
    assert (table.best_score >= table.score).all() and set(apart.n_families) == {2}


def test_networks_that_explain_nothing_are_named_as_often_as_others():
    methods = {"rsa": RSA, "left": LEFT_OUT}
    table, apart = recovered(share=0.0, n_simulations=20, methods=methods)
    assert np.mean(list(rates(table, methods).values())) == pytest.approx(0.25, abs=0.08)
    assert (apart.auc - 0.5).abs().max() < 0.15 and apart.d_prime.abs().max() < 0.5


def test_less_share_and_less_reliability_recover_less():
    kinds = ({"share": 0.9}, {"share": 0.05}, {"share": 0.9, "target": population(reliability=0.01)})
    tables = [recovered(n_simulations=5, methods={"rsa": RSA}, **kind)[0] for kind in kinds]
    full, little, noisy = (rates(table, ["rsa"])["rsa"] for table in tables)
    assert full > little + 0.1 and full > noisy + 0.1


def score(name: str, X: np.ndarray, Y: np.ndarray) -> float:
    if name == "left":
        return leave_one_out_r([X @ X.T], Y, [10.0])[0, 0].mean()
    upper = np.triu_indices(len(X), k=1)
    return pearsonr(*((1 - np.corrcoef(values))[upper] for values in (X, Y))).statistic


@pytest.mark.parametrize("name", ["rsa", "left", "other"])
def test_it_is_what_a_loop_over_networks_and_layers_finds(name):
    given, target, truth_of = candidates(), population(), {}
    table, _ = recovered(share=0.3, n_depths=2, methods={name: METHODS[name]})
    truths, parts = zip(*simulate(given, target, 0.3, 2, [0, 0]), strict=True)
    halves = draw_halves(N, 4, 0)
    for row, (true, layer), part in zip(table.itertuples(), truths, parts, strict=True):
        found = {}
        for k in range(4):
            if name != "other":
                scores = [score(name, features(k, one), part["mean"]) for one in range(2)]
                found[k] = max(scores), int(np.argmax(scores))
                continue
            chosen = []
            for half in halves:
                one, other = (
                    [score(name, features(k, x)[side], part["mean"][side]) for x in range(2)] for side in (half, ~half)
                )
                chosen.append((int(np.argmax(one)), other[int(np.argmax(one))]))
            often = int(np.bincount([x for x, _ in chosen]).argmax())
            found[k] = np.mean([value for _, value in chosen]), often
        best = max(found, key=found.get)
        assert (row.model, row.layer_index) == (f"m{true}", layer + 1)
        assert (row.recovered, row.recovered_index) == (f"m{best}", found[best][1] + 1)
        assert row.score == pytest.approx(found[true][0], abs=1e-9)
        assert row.best_score == pytest.approx(found[best][0], abs=1e-9)
        truth_of[row.model] = row.recovered
    assert len(set(table.recovered)) > 1


def test_families_are_told_apart_by_networks_other_than_the_true_one():
    """Networks of the first family are nearly the same; the second has others, and a third one alone."""
    given = candidates(5)
    alike = kernels_of([features(0, 0), features(0, 1)])
    given[1] = candidate("m1", "family0", layers_of(alike), ModelKernels.of(alike), 2)
    table, apart = recovered(given, share=0.8, methods={"rsa": RSA}, n_simulations=2)
    (row,) = apart.to_dict("records")
    assert (row["n_within"], row["n_between"], row["n_families"]) == (2 * 4, 2 * (4 * 3 + 4), 3)
    within, between = [], []
    for simulation in range(2):
        for (true, _), part in simulate(given, population(), 0.8, 1, [0, simulation]):
            for k in set(range(5)) - {true}:
                best = max(score("rsa", features(0 if k == 1 else k, layer), part["mean"]) for layer in range(2))
                (within if k // 2 == true // 2 else between).append(best)
    labels = [1] * len(within) + [0] * len(between)
    assert row["auc"] == pytest.approx(roc_auc_score(labels, within + between))
    root = np.sqrt((np.var(within, ddof=1) + np.var(between, ddof=1)) / 2)
    assert row["d_prime"] == pytest.approx((np.mean(within) - np.mean(between)) / root)
    assert (row["within"], row["between"]) == pytest.approx((np.mean(within), np.mean(between)))
    assert set(table.model) == {f"m{k}" for k in range(5)}


def test_how_many_populations_are_simulated_at_once_changes_nothing(monkeypatch):
    settings = {"methods": {"rsa": RSA}, "n_simulations": 2, "n_depths": 2, "share": 0.3}
    together = recovered(**settings)
    monkeypatch.setattr(recovery, "BLOCK_BYTES", 3 * population()["mean"].nbytes)
    for one, other in zip(together, recovered(**settings), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_separation_counts_ties_half_and_needs_two_of_each():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 20).astype(float), rng.integers(0, 4, 30).astype(float)
    assert separation(a, b)[1] == pytest.approx(roc_auc_score([1] * 20 + [0] * 30, np.concatenate([a, b])))
    assert np.isnan(separation(a[:1], b)).all() and np.isnan(separation(a, b[:0])).all()
    constant = separation(np.ones(3), np.ones(4))
    assert np.isnan(constant[0]) and constant[1] == 0.5


def test_where_no_family_has_two_networks_nothing_is_told_apart(tmp_path, capsys):
    table, apart = recovered(candidates(2, in_family=1), methods={"rsa": RSA})
    assert apart[["d_prime", "auc", "within"]].isna().all(axis=None) and set(apart.n_within) == {0} and len(table) == 2
    assert "No family has two networks" in capsys.readouterr().err
    for name, made in (("recovery", table), ("discriminability", apart)):
        write_table(name, made.assign(differs=""), tmp_path / "table.parquet")
        assert len(read_table(name, tmp_path / "table.parquet")) == len(made)


def test_similarities_have_no_neurons_to_simulate_and_that_is_said(capsys, tmp_path):
    target = {"rdm": np.zeros((1, N, N)), "area": np.array(["VISp"]), "cortical_layer": np.array(["all"])}
    for name, table in zip(("recovery", "discriminability"), recovered(target=target, methods={"rsa": RSA}), strict=True):
        assert table.empty
        write_table(name, table.assign(differs=""), tmp_path / "table.parquet")
    assert "rsa: no neurons are simulated, because the data set gives similarities" in capsys.readouterr().err


def test_one_animal_layers_that_do_not_vary_and_neurons_that_do_not_leave_no_gap():
    given = candidates(3)
    constant = kernels_of([np.ones((N, 20)), features(1, 0)])
    layers = layers_of(constant).assign(effective_dimension=[np.nan, 1.0])
    given[1] = candidate("m1", "family0", layers, ModelKernels.of(constant), 2)
    assert list(given[1].layers.layer_index) == [2] and len(given[1].kernels) == 1
    table, _ = recovered(given, population("a"), n_depths=2)
    assert len(table) == 4 * (2 + 1 + 2) and table.recovered.notna().all()
    assert set(table.layer_index[table.model == "m1"]) == {2}
    silent = population() | {"mean": np.ones((N, 36))}
    table, apart = recovered(given, silent)
    assert table.recovered.isna().all() and apart.auc.isna().all()


def test_without_a_network_nothing_is_simulated_and_that_is_said(capsys):
    assert all(part.empty for part in recovered([], population()))
    assert "no neurons are simulated, because the run has no network but noise" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["rdm", "responses"])
def test_a_users_function_names_networks_too(monkeypatch, target):
    def own(kernels, given, settings):
        L = given if target == "rdm" else given @ given.T
        H = np.eye(len(L)) - 1 / len(L)
        layers = H @ kernels["gram"] @ H
        L = H @ L @ H * (-1 if target == "rdm" else 1)
        return [np.vdot(K, L) / np.linalg.norm(K) / np.linalg.norm(L) for K in layers]

    monkeypatch.setattr(user, "import_function", lambda name: own)
    monkeypatch.setattr(user, "user_code", lambda name: {})
    row = RSA | {"source": "python", "name": "mine:score", "kernels": ["gram"], "files": [], "target": target}
    table, _ = recovered(methods={"mine": row, "nested": row | {"choice": "other_images"}})
    assert min(rates(table, ["mine", "nested"]).values()) > 0.7


def test_networks_are_two_of_each_of_half_as_many_families_and_then_others():
    families = {"pixels": "pixels", "a1": "a", "a2": "a", "b1": "b", "a3": "a", "c1": "c", "b2": "b", "c2": "c"}
    assert choose_networks(families, 4) == ["a1", "a2", "b1", "b2"]
    assert choose_networks(families, 7) == ["pixels", "a1", "a2", "b1", "c1", "b2", "c2"]
    assert choose_networks(families, 5) == ["pixels", "a1", "a2", "b1", "b2"]
    assert choose_networks({"x": "x", "y": "y", "z": "z"}, 2) == ["x", "y"] and choose_networks({}, 3) == []
    assert choose_networks({"a1": "a", "a2": "a", "a3": "a"}, 8) == ["a1", "a2"]


def test_layers_are_evenly_spaced():
    assert list(spread(8, 2)) == [2, 6] and list(spread(158, 4)) == [19, 59, 98, 138]
    assert list(spread(3, 4)) == [0, 1, 2] and list(spread(1, 9)) == [0] and list(spread(4, 4)) == [0, 1, 2, 3]
    assert len(spread(0, 3)) == 0
