"""MouseNet's nodes, connections and masks, against the network that was published with the paper."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from mousenets import CHANNELS_32, DIGESTS

from dormouse.errors import InputError
from dormouse.mousenet.anatomy import MEASURED, Options, draw_masks, gaussian, read_anatomy, read_measured


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


def test_widths_and_in_degrees_that_were_set_by_hand_are_options(anatomy):
    options = Options(lgn_width_px=2.0, visp4_width_px=3.0, l4_width_um=57.0, in_degree=500.0)
    for connection, other in zip(anatomy.connections, read_anatomy(options).connections, strict=True):
        ratio = {"input": 0.5, "LGN": 3.0, "laminar": 0.5, "interareal": 1.0}[connection.kind]
        assert other.width_px == pytest.approx(ratio * connection.width_px)
        if connection.kind == "interareal":
            assert other.in_degree == pytest.approx(connection.in_degree / 2)


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


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        (
            "nodes",
            "VISl\t5\t2\t20826\t0.8650518127\n",
            "",
            r"no row of VISl5; expected the LGN, and layers 4, 2/3, 5 of every",
        ),
        ("nodes", "LGNd\t\t0\t21200\t\n", "", "no row of LGNd; expected the LGN"),
        ("nodes", "0.8650518127", "0", r"nodes\.tsv: line 8: surface_area_mm2 is .*; expected a finite number, not below 0"),
        ("nodes", "20826", "-1", r"nodes\.tsv: line 8: n_neurons is '-1'; expected a finite number, not below 0"),
        ("nodes", "0.8650518127", "1e-300", r"MouseNet: VISl5 to \w+: .* weights; expected at most 1e\+09"),
        ("nodes", "20826", "1e300", r"MouseNet: VISl\S+ to \S+: .* weights; expected at most 1e\+09\. Take smaller widths"),
        ("nodes", "area", '"area', r"nodes\.tsv: no column 'area'|nodes\.tsv: not readable as a table"),
    ],
)
def test_tables_of_which_no_network_can_be_made_are_refused(tables, tmp_path, table, old, new, message):
    for name in MEASURED:
        (tmp_path / f"{name}.tsv").write_text((tables / f"{name}.tsv").read_text())
    text = (tmp_path / f"{table}.tsv").read_text()
    assert old in text
    (tmp_path / f"{table}.tsv").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
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
