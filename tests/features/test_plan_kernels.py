"""Every plan gives the same kernels."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from networks import Aside, make_images
from plans import MB, chosen
from torch import nn

from dormouse.features import extraction
from dormouse.features.layers import LAYERS
from dormouse.features.plan import Plan, designs

pytestmark = pytest.mark.usefixtures("many_may_move")

N_IMAGES = 9
FLOAT32 = 1e-6  # relative to the largest entry of a kernel: batches of other sizes, and sums in float32
# a sd comes from squares of differences from the first image: where that image is far from all others, only 1 / n of their
# sum is variance
ZSCORED = 1e-5


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
        monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: plan)
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


@pytest.mark.parametrize("waiting", [False, True])
def test_passes_for_the_first_layers_end_after_these(monkeypatch, small, in_one_pass, tmp_path, waiting):
    network, _ = small
    groups = [{"Aside-1", "ReLU-1"}, set(names(small)) - {"Aside-1", "ReLU-1"}]
    plan = Plan(DESIGNS[1], list(map(frozenset, groups)), 4, 0, 0, scratch=int(waiting))
    monkeypatch.setattr(extraction, "choose_plan", lambda *_, **_named: plan)
    ran = []
    modules = {"first": network.stem[0], "second": network.stem[1], "last": network.head}
    handles = [each.register_forward_hook(lambda *_, name=name: ran.append(name)) for name, each in modules.items()]
    found = extraction.extract(*small, "all", ("srp",), 0.9, 0, 1, scratch=(str(tmp_path), 1e9) if waiting else None)
    for handle in handles:
        handle.remove()
    assert found["layer"].tolist() == KEPT and torch.is_grad_enabled()
    np.testing.assert_array_equal(found["srp"], in_one_pass["all"]["srp"])
    counts = {name: ran.count(name) - 2 for name in modules}  # without the survey's
    assert counts["first"] == 2 * counts["last"] == 2 * -(-N_IMAGES // 4) and counts["second"] == counts["first"]


def test_the_log_tells_the_passes(monkeypatch, small, capsys):
    extracted(monkeypatch, small, None)
    said = capsys.readouterr().err
    assert "11 outputs, 9 images; no limit, forecast " in said
    assert "one pass, 8 images at a time, every image 1 times through the network\n" in said
    extracted(monkeypatch, small, Plan(DESIGNS[7], divided(names(small), 3), 2, 5 * MB, 12.0))
    said = capsys.readouterr().err
    assert "forecast 5 MiB: 7 passes of 5 images, in which every two meet, 3 groups of layers, 2 images at a time" in said
    assert "every image at most 12 times through the network" in said
