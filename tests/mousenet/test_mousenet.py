"""MouseNet against the numbers of the paper, and against a plain version of itself."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch.nn import functional as F

from dormouse.errors import InputError
from dormouse.features.extraction import extract
from dormouse.models.build import build
from dormouse.models.registry import list_models
from dormouse.mousenet.anatomy import MEASURED, Options, draw_masks, gaussian, read_anatomy, read_measured
from dormouse.mousenet.fourier_convolution import convolve, convolve_directly
from dormouse.mousenet.network import MouseNet, join_connections

SMALL = Options(input_px=16, neuron_fraction=1 / 16)  # a second on one core
# of layers 4, 2/3 and 5, for an image of 32 pixels
CHANNELS_32 = {
    "VISp": [106, 169, 131],
    "VISl": [60, 87, 81],
    "VISrl": [56, 88, 74],
    "VISli": [21, 37, 45],
    "VISpl": [15, 70, 78],
    "VISal": [37, 61, 62],
    "VISpor": [23, 119, 118],
}
READOUT = [29, 15, 19, 11, 18, 20, 32]  # channels of layer 5, from VISpor to VISp
DIGESTS = {2021: (86_164, "ddacb76f1315b0c0"), 42: (86_873, "0e0c8796ef0abffb"), 2020: (86_628, "883bcd77dc49a5ba")}


@pytest.fixture(scope="module")
def tables(root):
    return root / "resources/mousenet"


@pytest.fixture(scope="module")
def anatomy():
    return read_anatomy()


@pytest.fixture(scope="module")
def small():
    return read_anatomy(SMALL)


@pytest.fixture(scope="module")
def published():
    """The convolutions of the network that was published with the paper, in the order in which masks are drawn."""
    return pd.read_csv(Path(__file__).parents[1] / "data/mousenet_connections.tsv", sep="\t")


def images(n, size, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def count(parameters):
    return sum(parameter.numel() for parameter in parameters)


def make(anatomy, seed=0, **options):
    torch.manual_seed(seed)
    return MouseNet(anatomy, **options)


def test_every_convolution_is_the_published_one(anatomy, published):
    assert len(anatomy.connections) == len(published) == 49
    for connection, row in zip(anatomy.connections, published.itertuples(), strict=True):
        assert (connection.source, connection.target, connection.kind) == (row.source, row.target, row.kind)
        assert (connection.in_channels, connection.out_channels, connection.in_px, connection.out_px) == (
            *(row.in_channels, row.out_channels),
            *(row.in_px, row.out_px),
        )
        assert (connection.kernel, connection.stride) == (row.kernel, row.stride)
        assert connection.padding == (row.left, row.right, row.top, row.bottom)
        assert connection.width_px == pytest.approx(row.width_px, rel=1e-9)
        assert connection.peak == pytest.approx(row.peak, rel=1e-9)
        assert connection.density == pytest.approx(row.density, rel=1e-4)


def test_nodes_and_kinds_of_connections(anatomy):
    kinds = pd.Series([connection.kind for connection in anatomy.connections]).value_counts()
    assert kinds.to_dict() == {"interareal": 33, "laminar": 14, "input": 1, "LGN": 1}
    assert len(anatomy.nodes) == 23
    assert {node.map_px for node in anatomy.nodes.values() if node.level < 2} == {64}
    assert {node.map_px for node in anatomy.nodes.values() if node.level >= 2} == {32}


def test_channels_of_an_image_of_32_pixels():
    nodes = read_anatomy(Options(input_px=32)).nodes
    assert nodes["LGNd"].channels == 20
    for area, channels in CHANNELS_32.items():
        assert [nodes[f"{area}{layer}"].channels for layer in ("4", "2/3", "5")] == channels


def test_fraction_of_the_neurons_keeps_channels_and_probabilities_and_narrows_kernels(anatomy, tables):
    half = read_anatomy(Options(input_px=32, neuron_fraction=1 / 4))
    for whole, part in zip(anatomy.connections, half.connections, strict=True):
        assert (part.in_channels, part.out_channels) == (whole.in_channels, whole.out_channels)
        if part.kind in ("laminar", "interareal"):
            assert part.width_px == pytest.approx(whole.width_px / 2)
        if part.kind == "interareal":
            assert part.in_degree == pytest.approx(whole.in_degree / 4)


def test_interareal_in_degrees_of_every_target_sum_to_a_thousand(anatomy):
    connections = [connection for connection in anatomy.connections if connection.kind == "interareal"]
    targets = [connection.target for connection in connections]
    sums = pd.Series([connection.in_degree for connection in connections]).groupby(targets).sum()
    assert len(sums) == 6
    np.testing.assert_allclose(sums, 1000, rtol=1e-9)


def test_peak_of_connections_within_an_area_goes_through_the_measured_probability(anatomy):
    found = next(connection for connection in anatomy.connections if connection.target == "VISp2/3")
    assert found.peak * np.exp(-(75**2) / (2 * found.width_um**2)) == pytest.approx(0.14)  # Billeh et al., layer 4 to 2/3


@pytest.mark.parametrize("seed", DIGESTS)
def test_masks_are_those_of_the_reference_bit_for_bit(anatomy, published, seed):
    masks = draw_masks(anatomy, seed)
    digest = hashlib.sha256(b"".join(np.packbits(mask).tobytes() for mask in masks)).hexdigest()
    assert (sum(mask.sum() for mask in masks), digest[:16]) == DIGESTS[seed]
    if seed == 2021:
        assert [mask.sum() for mask in masks] == published.ones_2021.tolist()


def test_masks_follow_their_probabilities(anatomy):
    masks = draw_masks(anatomy, 7)
    for connection, mask in zip(anatomy.connections, masks, strict=True):
        p = connection.probability.clip(max=1)
        sd = np.sqrt((p * (1 - p)).sum() * connection.in_channels * connection.out_channels)
        assert abs(mask.sum() - connection.density * mask.size) <= 4 * sd + 1e-9, connection.source


def test_options_of_masks():
    shared = draw_masks(read_anatomy(Options(mask="shared")), 0)
    assert all((mask == mask[:1, :1]).all() for mask in shared)
    assert 0 < np.mean([mask.mean() for mask in shared]) < 1
    assert all(mask.all() for mask in draw_masks(read_anatomy(Options(mask="none")), 0))


def test_a_learned_mask_is_one_for_all_channels_and_learns():
    network = make(read_anatomy(replace(SMALL, mask="learned")))
    before = {name: convolution.mask.detach().clone() for name, convolution in network.projections.items()}
    shared = draw_masks(read_anatomy(replace(SMALL, mask="shared")), SMALL.mask_seed)
    for mask, expected in zip(before.values(), shared, strict=True):
        np.testing.assert_array_equal(mask, expected[0, 0])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(images(4, 16)).square().sum().backward()
    optimizer.step()
    assert any((convolution.mask != 0)[before[name] == 0].any() for name, convolution in network.projections.items())


def test_widths_and_in_degrees_that_were_set_by_hand_are_options(anatomy):
    options = Options(lgn_width_px=2.0, visp4_width_px=3.0, l4_width_um=57.0, in_degree=500.0)
    for connection, other in zip(anatomy.connections, read_anatomy(options).connections, strict=True):
        ratio = {"input": 0.5, "LGN": 3.0, "laminar": 0.5, "interareal": 1.0}[connection.kind]
        assert other.width_px == pytest.approx(ratio * connection.width_px)
        if connection.kind == "interareal":
            assert other.in_degree == pytest.approx(connection.in_degree / 2)


def test_readouts_by_name(anatomy):
    network = make(read_anatomy(replace(SMALL, readout=["VISpor5", "VISp4"])))
    inputs = images(2, 16)
    active = network.activity(inputs)
    pooled = [F.adaptive_avg_pool2d(active[name], 4).flatten(1) for name in ("VISpor5", "VISp4")]
    torch.testing.assert_close(network.features(inputs), torch.cat(pooled, dim=1))
    assert network.classifier.in_features == 16 * (29 + 26)
    for name in ("VISpor6", "input"):
        with pytest.raises(InputError, match=rf"^MouseNet: no node '{name}' to read out"):
            read_anatomy(Options(readout=[name]))


def test_clipping_states_the_in_degree_that_is_reached():
    clipped = read_anatomy(Options(clip=True)).connections
    reached = {connection.source: connection.in_degree for connection in clipped if connection.kernel == 1}
    assert reached == {"VISal2/3": 15.0, "VISal5": 15.0}


def test_whole_laminar_in_degree_is_that_of_the_whole_gaussian():
    peaks = {"2/3": 0.1618247181204468, "5": 0.1673383637989301}  # as published, by the layer of the target
    whole = read_anatomy(Options(laminar_in_degree="whole"))
    for connection in whole.connections:
        if connection.kind == "laminar":
            peak = peaks[whole.nodes[connection.target].layer]
            total = peak * gaussian(200, connection.width_px).sum()
            assert connection.in_degree == pytest.approx(connection.in_channels * total, rel=1e-6)


def test_numbers_of_parameters(anatomy):
    thousand, ten = make(anatomy), make(anatomy, n_classes=10)
    assert (count(thousand.parameters()), count(ten.parameters())) == (4_457_969, 2_176_019)
    assert sum(convolution.weight.numel() for convolution in thousand.projections.values()) == 2_151_649
    assert sum(convolution.bias.numel() for convolution in thousand.projections.values()) == 558
    assert count(thousand.populations.parameters()) == 762
    assert thousand.classifier.in_features == 2304


def test_fused_convolutions_are_about_twenty(anatomy):
    groups = join_connections(anatomy)
    assert len(groups) == 20
    assert sorted(connection.source + connection.target for group in groups for connection in group.connections) == sorted(
        connection.source + connection.target for connection in anatomy.connections
    )
    largest = max(groups, key=lambda group: len(group.connections))
    assert (sum(largest.sources.values()), sum(largest.targets.values()), largest.kernel, largest.stride) == (100, 51, 21, 2)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_fused_is_unfused(anatomy, dtype, tolerance):
    fused, plain = (make(anatomy, fused=fused).to(dtype).train() for fused in (True, False))
    inputs = images(2, 64).to(dtype)
    a, b = fused.activity(inputs), plain.activity(inputs)
    assert list(a) == list(b) == list(fused.populations)
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=tolerance, atol=tolerance * float(b[name].detach().abs().max()))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [9, 11, 17, 21])
@pytest.mark.parametrize("size", [8, 14, 32])
def test_wide_convolutions_by_spectra_are_convolutions(size, kernel, stride):
    padding = ((kernel - stride) // 2, (kernel - 1) // 2) * 2
    generator = torch.Generator().manual_seed(size + kernel)
    inputs, weight, bias, gradient = (
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in [(2, 3, size, size), (4, 3, kernel, kernel), (4,), (2, 4, size // stride, size // stride)]
    )
    a, b = (
        torch.autograd.functional.vjp(
            lambda *arrays, way=way: way(*arrays, padding, stride), (inputs, weight, bias), gradient, strict=True
        )
        for way in (convolve, convolve_directly)
    )
    torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    single = convolve(inputs.float(), weight.float(), bias.float(), padding, stride)
    torch.testing.assert_close(single.double(), b[0], rtol=0, atol=1e-5 * float(b[0].abs().max()))


def test_half_precision(anatomy):
    network, inputs, dtype = make(anatomy).train(), images(2, 64), torch.bfloat16
    expected = network.features(inputs)
    with torch.autocast("cpu", dtype):
        found = network.features(inputs)
    assert found.dtype == dtype
    assert np.corrcoef(found.detach().float().flatten(), expected.detach().flatten())[0, 1] > 0.999
    with torch.no_grad():
        assert network.to(dtype)(inputs.to(dtype)).dtype == dtype


def test_activity_is_that_of_a_loop_over_the_equation(small):
    """Convolutions one by one, by the unfolded image and a matrix product, in float64."""
    network = make(small).double().eval()
    for norm in network.populations.values():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    inputs = images(2, 16).double()
    active = {"input": inputs}
    places = (slice(None), None, None)
    for name, norm in network.populations.items():
        total = 0
        for connection in small.connections:
            if connection.target == name:
                convolution = network.projections[f"{connection.source}>{name}"]
                padded = F.pad(active[connection.source], connection.padding)
                columns = F.unfold(padded, connection.kernel, stride=connection.stride)
                weight = (convolution.weight * convolution.mask).flatten(1)
                total = total + (weight @ columns).unflatten(2, (connection.out_px,) * 2) + convolution.bias[places]
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        active[name] = ((total - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]).clip(
            min=0
        )
    found = network.activity(inputs)
    for name in found:
        torch.testing.assert_close(found[name], active[name], rtol=1e-9, atol=1e-12)
    assert [found[f"{area}5"].shape[1] for area in reversed(CHANNELS_32)] == READOUT
    pooled = [F.adaptive_avg_pool2d(active[f"{area}5"], 4).flatten(1) for area in reversed(CHANNELS_32)]
    torch.testing.assert_close(network(inputs), network.classifier(torch.cat(pooled, dim=1)))


def test_any_node_by_name_in_the_order_that_is_asked_for(small):
    network = make(small).eval()
    found = network.activity(images(1, 16), ["VISpor5", "VISp2/3"])
    assert {name: tuple(values.shape[1:]) for name, values in found.items()} == {
        "VISpor5": (29, 8, 8),
        "VISp2/3": (42, 16, 16),
    }
    with pytest.raises(InputError, match=r"no node 'VISx5'\. Did you mean"):
        network.activity(images(1, 16), ["VISx5"])


def test_what_is_no_connection_never_learns(small):
    network = make(small, n_classes=10)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for step in range(3):
        optimizer.zero_grad()
        F.cross_entropy(network(images(4, 16, step)), torch.tensor([0, 1, 2, 3])).backward()
        for convolution in network.projections.values():
            assert not convolution.weight.grad[~convolution.mask].any()
        optimizer.step()
    for convolution in network.projections.values():
        assert not convolution.weight[~convolution.mask].any()
    assert any(convolution.weight.grad[convolution.mask].any() for convolution in network.projections.values())


def test_state_brings_masks_and_weights_back(small, tmp_path):
    from safetensors.torch import load_file, save_file

    first, second = make(small, seed=0).eval(), make(read_anatomy(replace(SMALL, mask_seed=None)), seed=5).eval()
    assert not torch.equal(first.projections["VISp4>VISp2/3"].mask, second.projections["VISp4>VISp2/3"].mask)
    save_file(first.state_dict(), tmp_path / "weights.safetensors")
    second.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(first(images(2, 16)), second(images(2, 16)))


def test_masks_of_ones_are_no_masks():
    without = make(read_anatomy(replace(SMALL, mask="none")))
    masked = make(read_anatomy(SMALL))
    for convolution, other in zip(masked.projections.values(), without.projections.values(), strict=True):
        convolution.mask.fill_(True)
        convolution.weight.data.copy_(other.weight)
        convolution.bias.data.copy_(other.bias)
    masked.classifier.load_state_dict(without.classifier.state_dict())
    torch.testing.assert_close(masked(images(2, 16)), without(images(2, 16)))


def test_masked_initialisation_gives_the_variance_of_a_dense_one():
    options = {name: Options(input_px=32, neuron_fraction=1 / 4, initialisation=name) for name in ("dense", "masked")}
    dense, masked = (make(read_anatomy(option)) for option in options.values())
    for convolution, other in zip(dense.projections.values(), masked.projections.values(), strict=True):
        assert torch.equal(convolution.mask, other.mask)
        share = convolution.mask.float().mean()
        torch.testing.assert_close(other.weight.square().sum() * share, convolution.weight.square().sum())


def test_linear_lgn_is_neither_normalised_nor_rectified():
    linear = make(read_anatomy(replace(SMALL, lgn="linear"))).eval()
    inputs = images(1, 16)
    active = linear.activity(inputs)["LGNd"]
    assert (active < 0).any()
    made = linear.projections["input>LGNd"]
    torch.testing.assert_close(active, F.conv2d(F.pad(inputs, (4,) * 4), made.weight * made.mask, made.bias))
    assert not (make(read_anatomy(SMALL)).eval().activity(inputs)["LGNd"] < 0).any()


def test_the_same_seeds_give_the_same_network(small):
    first, second, other = make(small), make(small), make(read_anatomy(replace(SMALL, mask_seed=5)))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert any((a.mask != b.mask).any() for a, b in zip(first.projections.values(), other.projections.values(), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_px": 63}, "an image of 63 pixels; expected an even number"),
        ({"neuron_fraction": 1 / 8}, "LGNd has 2650 neurons for 64 x 64 pixels; take a smaller image"),
    ],
)
def test_sizes_that_give_no_network(options, message):
    with pytest.raises(InputError, match=message):
        read_anatomy(Options(**options))


def test_tables_that_lack_something(tables, tmp_path):
    for name in MEASURED:
        (tmp_path / f"{name}.tsv").write_bytes((tables / f"{name}.tsv").read_bytes())
    lines = (tables / "connections.tsv").read_text().splitlines()
    (tmp_path / "connections.tsv").write_text("\n".join(lines[:3] + lines[4:]))
    with pytest.raises(InputError, match="no row from VISp4 to VISli4"):
        read_anatomy(Options(tables=str(tmp_path)))
    (tmp_path / "connections.tsv").write_text("source\ttarget\n")
    with pytest.raises(InputError, match=r"connections.tsv: no column 'width_um'; expected source"):
        read_anatomy(Options(tables=str(tmp_path)))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "", "wide"])
@pytest.mark.parametrize("column", ["n_neurons", "surface_area_mm2", "width_um", "in_degree"])
def test_tables_hold_finite_numbers(tables, tmp_path, column, value):
    for name in MEASURED:
        table = pd.read_csv(tables / f"{name}.tsv", sep="\t", dtype=str, keep_default_na=False)
        if column in table:
            table.loc[3, column] = value
        table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match=rf"\w+\.tsv: line 5: {column} is '(nan|inf|{value})'; expected a finite number"):
        read_anatomy(Options(tables=str(tmp_path)))


def test_a_row_that_stands_twice_in_a_table_is_named(tables, tmp_path):
    for name in MEASURED:
        lines = (tables / f"{name}.tsv").read_text().splitlines()
        (tmp_path / f"{name}.tsv").write_text("\n".join([*lines, lines[2] + "0"]))
        with pytest.raises(InputError, match=rf"{name}\.tsv: line {len(lines) + 1} is a second row of VISp"):
            read_measured(name, tmp_path)


# --- in the zoo


def specify(**change):
    config = yaml.safe_load(Path("config.yaml").read_text())
    table = pd.read_csv("resources/models.tsv", sep="\t", dtype=str, keep_default_na=False)
    models = config["models"] | {"groups": ["mousenet"]} | change
    return list_models(table, config | {"models": models})


@pytest.fixture
def in_root(root, monkeypatch):
    monkeypatch.chdir(root)


def test_layers_have_the_names_of_nodes():
    network = make(read_anatomy(replace(SMALL, initialisation="masked"))).eval().requires_grad_(False)
    inputs = np.random.default_rng(0).standard_normal((5, 3, 16, 16), np.float32)
    arrays = extract(network, inputs, "all", [], 0.5, 0, 1)
    assert arrays["layer"].tolist() == [*network.populations, "Linear-1"]
    assert arrays["block"].tolist()[:3] == ["populations.LGNd", "populations.VISp4", "populations.VISp2/3"]
    X = network.activity(torch.from_numpy(inputs), ["VISl5"])["VISl5"].flatten(1).double()
    X = X - X.mean(dim=1, keepdim=True)
    np.testing.assert_allclose(arrays["centred"][arrays["layer"].tolist().index("VISl5")], X @ X.T, rtol=1e-5, atol=1e-6)


def test_the_row_of_the_table_is_the_network_of_the_paper(in_root):
    (name, spec), *others = specify(seeds=[3]).items()
    assert (name, spec["input"]["size"], others) == ("mousenet-random3", 64, [])
    network = build(spec)
    assert count(network.parameters()) == 4_457_969
    masks = [convolution.mask.numpy() for convolution in network.projections.values()]
    assert sum(mask.sum() for mask in masks) == DIGESTS[2021][0]
    assert not torch.equal(network.classifier.weight, build(spec | {"seed": 4}).classifier.weight)


def test_a_variant_without_a_seed_for_masks_draws_them_with_the_weights(in_root):
    line = {"source": "mousenet", "name": "corrected", "weights": "random"}
    models = specify(groups=[], add={"a": line | {"seed": 1}, "b": line | {"seed": 2, "display_name": "B"}})
    first, again, other = (build(models[name]) for name in ("a", "a", "b"))
    name = "VISp4>VISp2/3"
    assert torch.equal(first.projections[name].mask, again.projections[name].mask)
    assert not torch.equal(first.projections[name].mask, other.projections[name].mask)


def test_a_variant_there_is_not(in_root):
    with pytest.raises(InputError, match=r"^config: model a: mousenet.variants has no 'papers'\. Did you mean paper\?"):
        specify(groups=[], add={"a": {"source": "mousenet", "name": "papers", "weights": "random"}})


def test_weights_of_ones_own_bring_their_number_of_classes(in_root, tmp_path):
    from safetensors.torch import save_file

    network = make(read_anatomy(), n_classes=7).eval()
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    line = {"source": "mousenet", "name": "paper", "weights": str(tmp_path / "mine.safetensors")}
    loaded = build(specify(groups=[], add={"mine": line})["mine"])
    assert torch.equal(loaded(images(2, 64)), network(images(2, 64)))
