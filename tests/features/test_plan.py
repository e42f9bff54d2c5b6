"""Every two images meet in a pass of every plan, and the cheapest plan that fits the memory is chosen."""

import tracemalloc
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from plans import MB, chosen, make_survey

from dormouse.errors import InputError
from dormouse.features.plan import DIFFERENCE_SETS, FIXED_BYTES, MOVING_BYTES, Plan, choose_plan, designs, divide, pass_bytes

pytestmark = pytest.mark.usefixtures("many_may_move")


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


def test_all_pairs_of_images_are_the_last_design():
    *_, pairs = designs(5)
    assert [tuple(images) for images in pairs] == list(combinations(range(5), 2))


# --- the choice


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


@pytest.mark.parametrize(
    ("room_mb", "device", "written", "copied"),
    [(1e6, "cpu", False, 0), (1e6, "cuda", False, 119), (1e6, "cpu", True, 119), (4700, "cpu", False, 80)],
)
def test_images_count_where_they_are_copied(room_mb, device, written, copied):
    survey = replace(make_survey(), changes_input=written)
    plans = [chosen(room_mb, survey=replace(survey, image_bytes=size), device=device) for size in (0, 10 * MB)]
    assert [max(map(len, plan.passes)) for plan in plans] == [80 if room_mb == 4700 else 119] * 2
    assert plans[1].forecast - plans[0].forecast == copied * 10 * MB


def test_planning_for_thousands_of_images_takes_little_memory():
    tracemalloc.start()
    with pytest.raises(InputError):
        choose_plan(make_survey(), 2000, 4096, (), FIXED_BYTES, "cpu")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * MB


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
    assert divide(sizes, 7.0) == [{"a"}, {"b", "c"}, {"d", "e"}, {"f"}]  # filled from the last one on
    assert divide(sizes, 18.0) == [set(sizes)]
    assert divide(sizes, 6.9) == []
    assert divide({"a": 0.0}, 0.0) == [{"a"}]
    assert divide({"a": 0.0}, -1.0) == []
