"""MouseNet's architecture from measurements: nodes (a layer of an area each) and the connections between them.

Shi, Tripp, Shea-Brown, Mihalas & Buice 2022, PLoS Comput. Biol. 18:e1010427. The tables of resources/mousenet hold what was
measured:
    nodes         number of neurons, area of cortical surface, level of the hierarchy (Harris et al. 2019, Nature 575:195);
    connections   width and in-degree between areas, from the voxel connectome (Knox et al. 2019, Netw. Neurosci. 3:217);
    laminar       between layers, the width in the cat (Stepanyants, Hirsch & Martinez 2008, Cereb. Cortex 18:13) and the
                  probability that neurons 75 um apart are connected (Billeh et al. 2020, Neuron 106:388).
A width is the standard deviation (sd) of a Gaussian.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.errors import InputError, suggest
from dormouse.written import given_numbers

INPUT, LGN, LAYERS = "input", "LGNd", ("4", "2/3", "5")  # layers in the order in which signals pass them
INPUT_CHANNELS = 3
IN_DEGREE = 1000  # neurons of other areas that contact a neuron of layer 4, in the table of connections
NO_WIDTH = 1e-9  # pixels, in the place of a width of 0: all of the Gaussian lies on the centre of the kernel
MOST_WEIGHTS = 1e9  # of a connection
PROBED_UM = 75.0  # distance between neurons at which probabilities between layers were measured
FOLDER = Path(__file__).parents[3] / "resources/mousenet"
TABLES = {
    "nodes": ("area", "layer", "level", "n_neurons", "surface_area_mm2"),
    "connections": ("source", "target", "width_um", "in_degree"),
    "laminar": ("source_layer", "target_layer", "cat_width_um", "probability_75um"),
}
NAMES = ("area", "layer", "source", "target", "source_layer", "target_layer")  # columns of text, which come first
MEASURED = ("nodes", "connections")  # tables that can be measured anew in a voxel connectome


@dataclass(frozen=True)
class Options:
    """What the anatomy leaves open; the defaults are those of the paper."""

    input_px: int = 64  # side of the image, about a degree a pixel; even
    neuron_fraction: float = 1.0  # of neurons and in-degrees; (input_px / 64)**2 keeps channels and probabilities
    lgn_width_px: float = 4.0  # from the image to the LGN
    visp4_width_px: float = 1.0  # from the LGN to VISp4; after Durand et al. 2016, J. Neurosci. 36:12144
    l4_width_um: float = 114.0  # within layer 4 (Levy & Reyes 2012, J. Neurosci. 32:5609); the cat's widths are scaled by it
    in_degree: float = 1000.0  # neurons of other areas that contact a neuron of layer 4
    reach: float = 1.0  # half the side of a kernel, in widths of its Gaussian
    laminar_in_degree: str = "cut"  # whole: kernels between layers are scaled up to the sum of their whole Gaussian
    clip: bool = False  # probabilities at 1, and with them the in-degrees that are stated
    lgn: str = "rectified"  # linear: neither normalised nor rectified, as in the preprint
    mask: str = "independent"  # for each pair of channels; shared: by all pairs; learned: shared, and trained; none: all ones
    mask_seed: int | None = 2021  # the paper's; None: masks are drawn with the weights
    initialisation: str = "dense"  # masked: the variance of weights is set by the number that the mask keeps
    readout: Sequence[str] | None = None  # nodes that the classifier sees; None: layer 5 of all areas
    tables: str | None = None  # folder of nodes.tsv and connections.tsv; None: those of the paper


@dataclass(frozen=True)
class Node:
    """The excitatory neurons of one layer of one area, as channels of a map."""

    name: str
    area: str
    layer: str
    level: int  # of the hierarchy; 0 for the LGN, -1 for the image
    n_neurons: float
    surface_area_mm2: float
    map_px: int  # side of the map
    channels: int

    @property
    def px_per_um(self) -> float:
        """Pixels of the map per micrometre of cortex."""
        return float(np.sqrt(self.n_neurons / self.channels / self.surface_area_mm2) / 1000)


@dataclass(frozen=True)
class Connection:
    """What one node sends to another, as a convolution."""

    source: str
    target: str
    kind: str  # input, LGN, laminar or interareal
    in_channels: int
    out_channels: int
    in_px: int
    out_px: int
    width_um: float  # of the Gaussian, on the cortex; NaN where it is set in pixels
    width_px: float
    kernel: int
    stride: int
    padding: tuple[int, int, int, int]  # left, right, top, bottom
    peak: float  # probability that neurons at one place are connected; above 1 where the source has too few neurons

    @property
    def probability(self) -> np.ndarray:
        """Probability that two neurons are connected, by their offset, (kernel, kernel) float64, not clipped (Fig 3)."""
        return self.peak * gaussian(self.kernel // 2, self.width_px)

    @property
    def in_degree(self) -> float:
        """Expected number of source neurons that contact a target neuron, as if probabilities above 1 were possible."""
        return float(self.in_channels * self.probability.sum())

    @property
    def density(self) -> float:
        """Expected share of weights that the mask keeps."""
        return float(self.probability.clip(max=1).mean())


@dataclass(frozen=True)
class Anatomy:
    """A network's nodes, in the order of computation, and its connections, in the order in which masks are drawn."""

    nodes: dict[str, Node]
    connections: list[Connection]
    options: Options


def read_anatomy(options: Options | None = None) -> Anatomy:
    """Read the tables (nodes and connections from the folder that `options` names), and return the network that they make.

    Raises InputError where a table lacks columns, or a connection that the hierarchy asks for.
    """
    options = options or Options()
    measured = {name: read_measured(name, options.tables or FOLDER) for name in MEASURED}
    return build_anatomy(**measured, laminar=read_measured("laminar"), options=options)


def read_measured(name: str, folder: str | Path = FOLDER) -> pd.DataFrame:
    """Read one of `TABLES`; raises InputError where it lacks a column or a number, or has two rows of one name."""
    path = Path(folder) / f"{name}.tsv"
    text = dict.fromkeys(NAMES, str)  # an empty one is no missing number
    table = given_numbers(path, sep="\t", dtype=text, keep_default_na=False, na_values={"surface_area_mm2": ""})
    if missing := [column for column in TABLES[name] if column not in table]:
        raise InputError(f"{path}: no column {missing[0]!r}; expected {', '.join(TABLES[name])}.")
    names = [column for column in TABLES[name] if column in NAMES]
    double = table.duplicated(names)
    if double.any():
        what = " ".join(map(str, table.loc[double.idxmax(), names]))
        raise InputError(f"{path}: line {double.idxmax() + 2} is a second row of {what}; keep one of the two.")
    for column in TABLES[name][len(names) :]:
        without = (table.area == LGN) & table[column].isna() if column == "surface_area_mm2" else False  # it has no surface
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = ~(np.isfinite(numbers) & (numbers > 0 if column == "surface_area_mm2" else numbers >= 0) | without)
        if wrong.any():
            value = table.loc[wrong.idxmax(), column]
            what = f"line {wrong.idxmax() + 2}: {column} is {str(value)!r}"
            raise InputError(f"{path}: {what}; expected a finite number, not below 0.")
    return table


def build_anatomy(nodes: pd.DataFrame, connections: pd.DataFrame, laminar: pd.DataFrame, options: Options) -> Anatomy:
    """Return the network that the tables make: see `read_anatomy`, and `TABLES` for their columns."""
    if options.input_px % 2:
        raise InputError(f"MouseNet: an image of {options.input_px} pixels; expected an even number, of which areas see half.")
    sized = {node.name: node for node in _sized_nodes(nodes, options)}
    needed = [f"{node.area}{layer}" for node in sized.values() if node.layer for layer in LAYERS]
    if lacking := [name for name in (LGN, *needed) if name not in sized]:
        raise InputError(f"nodes.tsv: no row of {lacking[0]}; expected the LGN, and layers {', '.join(LAYERS)} of every area.")
    if unknown := set(options.readout or ()) - (sized.keys() - {INPUT}):
        raise InputError(f"MouseNet: no node {min(unknown)!r} to read out. {suggest(min(unknown), sized)}")
    between = connections.set_index(["source", "target"])
    within = laminar.set_index(["source_layer", "target_layer"])
    widths = within.cat_width_um / within.cat_width_um["4", "4"] * options.l4_width_um
    made = [_connection(sized[INPUT], sized[LGN], "input", np.nan, options.lgn_width_px, 1.0, options)]
    for source, target in connected_pairs(sized):
        if source == LGN:
            made.append(_connection(sized[LGN], sized[target], "LGN", np.nan, options.visp4_width_px, 1.0, options))
        elif sized[source].area == sized[target].area:
            layers = sized[source].layer, sized[target].layer
            made.append(_laminar(sized, source, target, widths[layers], within.probability_75um[layers], options))
        else:
            if (source, target) not in between.index:
                raise InputError(
                    f"connections.tsv: no row from {source} to {target}, which follow each other in the hierarchy."
                )
            made.append(_interareal(sized, source, target, *between.loc[(source, target), ["width_um", "in_degree"]], options))
    return Anatomy(sized, made, options)


def _sized_nodes(table: pd.DataFrame, options: Options) -> Iterator[Node]:
    """Yield the image and the node of every row of the table, in the order of computation."""
    yield Node(INPUT, INPUT, "", -1, np.nan, np.nan, options.input_px, INPUT_CHANNELS)
    for row in table.itertuples():
        size = options.input_px // (2 if row.level > 1 else 1)
        n_neurons = row.n_neurons * options.neuron_fraction
        channels = int(n_neurons // size**2)
        if channels < 1:
            raise InputError(
                f"MouseNet: {row.area}{row.layer} has {n_neurons:.0f} neurons for {size} x {size} pixels; "
                "take a smaller image or more neurons."
            )
        area_mm2 = float(row.surface_area_mm2)
        yield Node(f"{row.area}{row.layer}", row.area, row.layer, row.level, n_neurons, area_mm2, size, channels)


def connected_pairs(nodes: dict[str, Node]) -> Iterator[tuple[str, str]]:
    """Yield source and target of every connection behind the LGN, breadth first (Fig 2 of the paper).

    Within an area layer 4 connects to layer 2/3, and that to layer 5. All three connect to layer 4 of the areas of the next
    level, and those of VISp also to layer 4 of VISpor, two levels on.
    """
    waiting = [LGN]
    for source in waiting:
        for target in _targets(nodes, nodes[source]):
            yield source, target
            if target not in waiting:
                waiting.append(target)


def _targets(nodes: dict[str, Node], source: Node) -> Iterator[str]:
    above = dict(pairwise(LAYERS)).get(source.layer)
    if above:
        yield f"{source.area}{above}"
    for node in nodes.values():
        skips = source.level == 1 and node.level == 3
        if node.layer == LAYERS[0] and source.level >= 0 and (node.level == source.level + 1 or skips):
            yield node.name


def _laminar(nodes: dict, source: str, target: str, width_um: float, probability: float, options: Options) -> Connection:
    width_px = width_um * nodes[source].px_per_um
    peak = probability / np.exp(-(PROBED_UM**2) / (2 * width_um**2))
    if options.laminar_in_degree == "whole":
        half = _half(nodes[source], nodes[target], width_px, options)
        peak *= 2 * np.pi * width_px**2 / gaussian(half, width_px).sum()
    return _connection(nodes[source], nodes[target], "laminar", width_um, width_px, peak, options)


def _interareal(nodes: dict, source: str, target: str, width_um: float, in_degree: float, options: Options) -> Connection:
    width_px = width_um * nodes[source].px_per_um
    half = _half(nodes[source], nodes[target], width_px, options)
    room = nodes[source].channels * gaussian(half, width_px).sum()
    peak = in_degree * options.in_degree / IN_DEGREE * options.neuron_fraction / room
    return _connection(nodes[source], nodes[target], "interareal", width_um, width_px, peak, options)


def _half(source: Node, target: Node, width_px: float, options: Options) -> int:
    """Return half the side of a kernel, without its centre; raises InputError for a connection that no memory holds."""
    half = width_px * options.reach
    side = 2 * half + 1
    if not (n_weights := source.channels * target.channels * side * side) <= MOST_WEIGHTS:
        what = f"{source.name} to {target.name}: {n_weights:.2g} weights"
        raise InputError(f"MouseNet: {what}; expected at most {MOST_WEIGHTS:.0e}. Take smaller widths, reach or numbers.")
    return int(half)


def _connection(
    source: Node, target: Node, kind: str, width_um: float, width_px: float, peak: float, options: Options
) -> Connection:
    """Return the convolution: its kernel ends at `reach` widths; where it halves the map, its centre lies on odd pixels."""
    kernel, stride = 2 * _half(source, target, width_px, options) + 1, source.map_px // target.map_px
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    channels, sizes = (source.channels, target.channels), (source.map_px, target.map_px)
    padding, widths, peak = (before, after) * 2, (float(width_um), float(width_px)), min(peak, 1.0) if options.clip else peak
    return Connection(source.name, target.name, kind, *channels, *sizes, *widths, kernel, stride, padding, float(peak))


def describe(anatomy: Anatomy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables `nodes` and `connections`."""
    nodes = pd.DataFrame([asdict(node) for node in anatomy.nodes.values()])
    rows = [asdict(made) | {"in_degree": made.in_degree, "density": made.density} for made in anatomy.connections]
    connections = pd.DataFrame(rows).assign(padding=[",".join(map(str, made.padding)) for made in anatomy.connections])
    return nodes, connections.assign(order=range(len(rows)))


def gaussian(half: int, width: float) -> np.ndarray:
    """Return exp(-(x^2 + y^2) / 2 width^2) at whole offsets from -half to half, (2 half + 1, 2 half + 1) float64."""
    squares = np.arange(-half, half + 1.0) ** 2
    return np.exp(-(squares[:, None] + squares) / (2 * max(width, NO_WIDTH) ** 2))


def split_name(node: str) -> tuple[str, str]:
    """Return area and layer of a node by its name; the layer of LGNd is empty."""
    layer = next((layer for layer in LAYERS if node.endswith(layer)), "")
    return node.removesuffix(layer), layer


def draw_masks(anatomy: Anatomy, seed: int) -> list[np.ndarray]:
    """Return which weights of every connection are kept, (out_channels, in_channels, kernel, kernel) bool.

    A weight is kept with the `probability` of its offset. The masks of all connections are drawn in turn from one stream,
    NumPy's generator of 2006, as in the paper.
    """
    rng, masks = np.random.RandomState(seed), []
    for connection in anatomy.connections:
        full = (connection.out_channels, connection.in_channels, connection.kernel, connection.kernel)
        drawn = {"independent": full, "shared": full[2:], "learned": full[2:], "none": (0,)}[anatomy.options.mask]
        kept = rng.random_sample(drawn) < connection.probability if anatomy.options.mask != "none" else True
        masks.append(np.broadcast_to(kept, full).copy())
    return masks
