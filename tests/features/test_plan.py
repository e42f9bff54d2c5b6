"""How images go through a network in short memory: every plan is exact, and the cheapest that fits is taken."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from networks import Aside, make_images
from torch import nn

from dormouse.errors import InputError
from dormouse.features import extraction
from dormouse.features.layers import LAYERS, Layer
from dormouse.features.plan import (
    DIFFERENCE_SETS,
    FIXED_BYTES,
    MOVING_BYTES,
    Plan,
    choose_plan,
    designs,
    divide,
    pass_bytes,
)
from dormouse.features.survey import Survey

FLOAT32 = 1e-6  # relative to the largest entry of a kernel: batches of other sizes, and sums in float32
# a sd is there from sums of squares of differences from the first image; a column in which that one is far from all others
# keeps 1 / n of them
ZSCORED = 1e-5
MB = 1 << 20


@pytest.fixture(autouse=True)
def many_may_move(monkeypatch) -> None:
    """Let memory alone say how many images move at once, but where a test says otherwise."""
    monkeypatch.setitem(MOVING_BYTES, "cpu", np.inf)


# --- passes


@pytest.mark.parametrize("n_images", [3, 7, 10, 119, 200])
def test_every_two_images_meet_in_a_pass_of_every_design(n_images):
    for passes in designs(n_images):
        together = np.zeros((n_images, n_images), int)
        for images in passes:
            assert len(set(images)) == len(images) > 1
            together[np.ix_(images, images)] += 1
        assert together.min() == 1
        assert len(passes) == 1 or max(map(len, passes)) < n_images


@pytest.mark.parametrize("n_groups", DIFFERENCE_SETS)
def test_every_two_groups_of_a_plane_meet_in_exactly_one_pass(n_groups):
    of_one_group_an_image = {len(passes): passes for passes in designs(n_groups)}
    together = np.zeros((n_groups, n_groups), int)
    for images in of_one_group_an_image[n_groups]:
        together[np.ix_(images, images)] += 1
    q = len(DIFFERENCE_SETS[n_groups]) - 1
    assert n_groups == q**2 + q + 1
    np.testing.assert_array_equal(together, np.where(np.eye(n_groups), q + 1, 1))


def test_the_cost_of_a_design_grows_with_the_number_of_its_groups():
    """Runs of each image of the paper, and the largest number of them in a pass."""
    found = [(sum(map(len, passes)) / 119, max(map(len, passes))) for passes in designs(119)]
    assert found == [(1, 119), (2, 80), (3, 51), (4, 38), (5, 30), (6, 24), (8, 19), (9, 16), (10, 16), (118, 2)]


@pytest.mark.parametrize(("n_images", "n_passes"), [(3, [1, 3, 3]), (6, [1, 3, 15]), (10, [1, 3, 7, 45])])
def test_there_are_no_more_groups_than_images(n_images, n_passes):
    assert [len(passes) for passes in designs(n_images)] == n_passes


# --- the choice


def make_survey(n_features=(1000, 500, 2000, 100), held=(40, 10, 20, 5), passing=(50, 60, 30, 25, 5)) -> Survey:
    """A network of which an image holds and needs some MB at each layer."""
    layers = [Layer(f"Conv2d-{k}", "stem", 0, False, p) for k, p in enumerate(n_features)]
    return Survey(layers, frozenset(), np.array(held) * MB, np.array(passing) * MB)


def chosen(room_mb: float, kernels=(), survey: Survey | None = None, n_images: int = 119, device: str = "cpu") -> Plan:
    """Choose a plan for so many MB beside what is taken in any case."""
    return choose_plan(survey or make_survey(), n_images, 4096, kernels, room_mb * MB + FIXED_BYTES, device)


def forecast_mb(plan: Plan) -> float:
    return (plan.forecast - FIXED_BYTES) / MB


@pytest.mark.parametrize("kernels", [(), ("srp",), ("zscore",), ("srp", "zscore")])
def test_without_a_limit_all_images_go_in_one_pass(kernels):
    plan = chosen(np.inf, kernels)
    assert [images.tolist() for images in plan.passes] == [list(range(119))]
    assert plan.groups == [{f"Conv2d-{k}" for k in range(4)}]
    assert (plan.batch, plan.runs) == (8, 1)


def test_the_memory_of_a_pass_is_what_waits_and_twice_what_moves():
    survey = make_survey()
    assert pass_bytes(survey, 119, 8) == ((119 - 8) * 40 + 8 * 2 * 60) * MB
    assert pass_bytes(survey, 119, 1) == ((119 - 1) * 40 + 2 * 60) * MB
    assert pass_bytes(survey, 2, 8) == 2 * 2 * 60 * MB


@pytest.mark.parametrize(("step", "waiting"), [(0, 10), (1, 10), (2, 90), (3, 90), (4, 20)])
def test_images_wait_at_the_layer_before_or_behind(step, waiting):
    passing = np.zeros(5, int)
    passing[step] = 1000
    survey = make_survey(held=(10, 5, 90, 20), passing=passing)
    assert pass_bytes(survey, 10, 1) == (9 * waiting + 2 * 1000) * MB


@pytest.mark.parametrize("kernels", [(), ("srp",), ("zscore",), ("srp", "zscore")])
def test_the_tighter_the_memory_the_costlier_the_plan_and_none_takes_more_than_there_is(kernels):
    limits = range(5500, 500, -100)
    plans = [chosen(available, kernels) for available in limits]
    for available, plan in zip(limits, plans, strict=True):
        largest = pass_bytes(make_survey(), max(map(len, plan.passes)), plan.batch)
        assert largest / MB <= forecast_mb(plan) <= available
    runs = [plan.runs for plan in plans]
    assert runs[0] == 1 and runs == sorted(runs) and len(set(runs)) > 7


def test_moments_of_zscores_take_every_image_once_more():
    for available in (3000, 1000):
        assert chosen(available, ["zscore"]).runs == chosen(available).runs + 1


def test_a_plan_that_just_fits_is_taken():
    plan = chosen(3000)
    same, smaller = chosen(forecast_mb(plan)), chosen(forecast_mb(plan) - 1)
    assert (len(same.passes), same.batch, same.forecast) == (len(plan.passes), plan.batch, plan.forecast)
    assert smaller.forecast < plan.forecast


def test_fewer_images_move_at_once_before_more_passes_are_made():
    survey = make_survey(held=(10, 10, 10, 10), passing=(200, 10, 10, 10, 10))
    batches = [chosen(available, survey=survey).batch for available in (4600, 3000, 2200, 1800)]
    assert batches == [8, 4, 2, 1]
    assert all(chosen(available, survey=survey).runs == 1 for available in (4600, 3000, 2200, 1800))


@pytest.mark.parametrize(("passing", "batch"), [(8, 8), (17, 4), (40, 2), (64, 2), (65, 1), (500, 1)])
def test_what_moves_at_once_has_a_limit_of_its_own(monkeypatch, passing, batch):
    monkeypatch.setitem(MOVING_BYTES, "cpu", 128 * MB)
    assert chosen(np.inf, survey=make_survey(passing=(1, passing, 1, 1, 1))).batch == batch


def test_a_gpu_moves_as_many_images_at_once_as_it_has_room_for():
    batches = [chosen(available, device="cuda").batch for available in (np.inf, 10_000, 6000, 5200)]
    assert batches == [119, 64, 8, 4]


STATE = 119 * 4096 * 4 / MB  # MB of projections of a layer


def test_layers_are_reduced_in_rounds_where_what_they_keep_does_not_fit():
    survey = make_survey(n_features=[1000] * 300, held=[40] * 300, passing=[50] * 301)
    whole, tight = (chosen(available, ["srp"], survey) for available in (3000, 500))
    assert len(whole.passes) > 1 and len(whole.groups) == 1
    assert len(tight.passes) > 1 and len(tight.groups) > 1
    assert tight.runs > whole.runs
    assert sorted(name for group in tight.groups for name in group) == sorted(layer.name for layer in survey.layers)
    largest = max(map(len, tight.groups)) * STATE
    assert largest < forecast_mb(tight) <= 500


def test_fewer_images_move_at_once_before_layers_are_reduced_in_rounds():
    """Each round costs a run of every image; what moves at once costs nothing."""
    survey = make_survey(n_features=[5000] * 300, held=[15] * 300, passing=[50] + [10] * 300)
    plan = chosen(1750, ["srp"], survey)
    assert (len(plan.passes), len(plan.groups), plan.runs) == (7, 1, 3) and plan.batch < 8


def test_what_a_layer_keeps_from_pass_to_pass_counts_only_where_there_are_passes():
    survey = make_survey(n_features=[30_000_000] * 4)
    one, several = chosen(6500, ["zscore"], survey), chosen(4500, ["zscore"], survey)
    assert len(one.passes) == 1 < len(several.passes)
    assert several.forecast > pass_bytes(survey, max(map(len, several.passes)), several.batch) + 12 * 30_000_000


@pytest.mark.parametrize("kernels", [(), ("srp", "zscore")])
def test_memory_that_is_too_small_for_any_plan_is_refused_with_the_numbers(kernels):
    def choose(available_mb: int) -> Plan:
        return choose_plan(make_survey(), 119, 4096, kernels, available_mb * MB, "cpu")

    message = r"^50 MiB are left for the network, but even two images at a time take \d+\. Give the job more memory"
    with pytest.raises(InputError, match=message) as error:
        choose(50)
    least = int(error.value.args[0].split(" take ")[1].split(".")[0])
    assert choose(least + 1).forecast <= (least + 1) * MB
    with pytest.raises(InputError, match=f"^{least - 1} MiB are left .* two images at a time take {least}"):
        choose(least - 1)


def test_of_large_layers_and_few_images_one_pass_is_the_least_that_is_told():
    """More would keep mean and sd of every feature."""
    with pytest.raises(InputError, match=r"take (\d+)\. Give") as error:
        chosen(50, ["zscore"], make_survey(n_features=[30_000_000] * 4), n_images=3)
    least = int(error.value.args[0].split(" take ")[1].split(".")[0])
    assert 50 < least - FIXED_BYTES / MB < 12 * 30_000_000 / MB


def test_groups_of_layers_are_in_order_and_none_keeps_more_than_the_limit():
    sizes = {"a": 3.0, "b": 4.0, "c": 3.0, "d": 0.0, "e": 7.0, "f": 1.0}
    assert divide(sizes, 7.0) == [{"a", "b"}, {"c", "d"}, {"e"}, {"f"}]
    assert divide(sizes, 18.0) == [set(sizes)]
    assert divide(sizes, 6.9) == []
    assert divide({"a": 0.0}, 0.0) == [{"a"}]
    assert divide({"a": 0.0}, -1.0) == []


# --- the same kernels by every plan

N_IMAGES = 9


def scaled(*shape: int) -> Aside:
    """Give a layer that computes its features one by one, with the same rounding in batches of any size."""
    rng = np.random.default_rng(shape[0])
    scale, offset = (torch.from_numpy(rng.standard_normal(shape).astype(np.float32)) for _ in range(2))
    return Aside(lambda x: x.repeat(1, -(-shape[0] // x.shape[1]), 1, 1)[:, : shape[0]] * scale + offset)


class Small(nn.Module):
    """Has layers of several blocks of columns, changed in place, passed on, equal, of windows, and of two outputs."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(scaled(70, 8, 8), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.copy = Aside(torch.clone)
        self.windows = Aside(lambda x: x.unflatten(1, (10, 7)).transpose(0, 1).flatten(0, 1))
        self.inside = scaled(7, 8, 8)
        self.sigmoid = nn.Sigmoid()
        self.both = Aside(lambda x: (x[:, :1] + 1, x.flatten(1)[:, ::7]))
        self.head = nn.Flatten()

    def forward(self, x):
        x = self.copy(self.stem(x))
        y = self.sigmoid(self.inside(self.windows(x)))
        y = y.unflatten(0, (10, -1))[3]
        y += 1
        self.both(y)
        return self.head(y)


KEPT = ["Aside-1", "ReLU-1", "Aside-4", "Sigmoid-1", "Aside-5-1", "Aside-5-2", "Flatten-1"]


@pytest.fixture(scope="module")
def small() -> tuple[nn.Module, np.ndarray]:
    """Give a network and images, of which the first is dark: the features of the others are far from its own."""
    images = make_images(N_IMAGES, 8, seed=0)
    images[0] *= 1e-3
    return Small().eval().requires_grad_(False), images


def extracted(monkeypatch, small: tuple, plan: Plan | None, layers: str = "all", kernels=("srp", "zscore")) -> dict:
    network, images = small
    if plan:
        monkeypatch.setattr(extraction, "choose_plan", lambda *_: plan)
    return extraction.extract(network, images, layers, kernels, eps=0.9, seed=0, threads=1)


@pytest.fixture(scope="module")
def in_one_pass(small) -> dict[str, dict]:
    with pytest.MonkeyPatch.context() as patch:
        return {layers: extracted(patch, small, None, layers) for layers in LAYERS}


def names(small: tuple) -> list[str]:
    network, images = small
    return [layer.name for layer in extraction.survey(network, torch.from_numpy(images)).layers]


def divided(names: list[str], n_groups: int) -> list[frozenset]:
    places = np.linspace(0, len(names), n_groups + 1).astype(int)
    return [frozenset(names[start:end]) for start, end in pairwise(places)]


DESIGNS = {len(passes): passes for passes in designs(N_IMAGES)}  # by the number of passes


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(
    ("n_passes", "n_groups", "batch"),
    [(1, 1, 8), (1, 1, 2), (1, 1, 1), (3, 1, 8), (3, 2, 2), (3, 10, 1), (7, 1, 4), (7, 3, 2), (36, 1, 8), (36, 2, 1)],
)
def test_every_plan_gives_the_kernels_of_one_pass(monkeypatch, small, in_one_pass, n_passes, n_groups, batch, layers):
    plan = Plan(DESIGNS[n_passes], divided(names(small), n_groups), batch, 0, 0)
    found, expected = extracted(monkeypatch, small, plan, layers), in_one_pass[layers]
    assert found.keys() == expected.keys()
    for name in ("layer", "path", "block", "block_depth", "n_features"):
        assert found[name].tolist() == expected[name].tolist()
    for k, layer in enumerate(expected["layer"]):
        p, row_sum = expected["n_features"][k], expected["row_sum"][k]
        squares = (np.diagonal(expected["centred"][k]) + row_sum**2 / p).max()  # of the features of an image
        bounds = {"row_sum": FLOAT32 * np.sqrt(p * squares), "centred": FLOAT32 * squares}
        bounds |= {"srp": FLOAT32 * expected["srp"][k].max(), "zscore": ZSCORED * expected["zscore"][k].max()}
        for name, bound in bounds.items():
            np.testing.assert_allclose(found[name][k], expected[name][k], rtol=0, atol=bound, err_msg=f"{name} {layer}")


def test_layers_passed_on_or_equal_are_dropped_in_one_pass(in_one_pass):
    assert in_one_pass["all"]["layer"].tolist() == in_one_pass["blocks"]["layer"].tolist() == KEPT


@pytest.mark.parametrize(("n_passes", "n_groups", "batch"), [(1, 1, 4), (3, 2, 2), (36, 1, 1)])
def test_a_plan_gives_the_same_bits_again(monkeypatch, small, n_passes, n_groups, batch):
    plan = Plan(DESIGNS[n_passes], divided(names(small), n_groups), batch, 0, 0)
    first, second = (extracted(monkeypatch, small, plan) for _ in range(2))
    for name, values in first.items():
        assert values.tobytes() == second[name].tobytes()


@pytest.mark.parametrize("kernels", [(), ("srp",), ("zscore",)])
def test_images_run_no_more_often_than_the_plan_says(monkeypatch, small, kernels):
    network, _ = small
    plan = chosen(350, kernels, n_images=N_IMAGES)
    assert len(plan.passes) > 1
    plan = Plan(plan.passes, divided(names(small), len(plan.groups)), plan.batch, 0, plan.runs)
    counts = []
    handle = network.stem[0].register_forward_hook(lambda module, inputs, _: counts.append(len(inputs[0])))
    extracted(monkeypatch, small, plan, kernels=kernels)
    handle.remove()
    assert sum(counts[2:]) == pytest.approx(plan.runs * N_IMAGES)  # the survey runs three images and two
    assert max(counts[2:]) <= plan.batch


def test_the_log_tells_the_passes(monkeypatch, small, capsys):
    extracted(monkeypatch, small, None)
    said = capsys.readouterr().err
    assert "11 outputs, 9 images; no limit, forecast " in said
    assert "one pass, 8 images at a time, every image 1 times through the network\n" in said
    extracted(monkeypatch, small, Plan(DESIGNS[7], divided(names(small), 3), 2, 5 * MB, 12.0))
    said = capsys.readouterr().err
    assert "forecast 5 MiB: 7 passes of 5 images, in which every two meet, 3 groups of layers, 2 images at a time" in said
    assert "every image 12 times through the network" in said


def test_all_pairs_of_images_are_the_last_design():
    *_, pairs = designs(5)
    assert [tuple(images) for images in pairs] == list(combinations(range(5), 2))
