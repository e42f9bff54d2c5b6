"""MouseNet's architecture, from measurements: areas, layers, channels, kernels and probabilities of connection.

Shi, Tripp, Shea-Brown, Mihalas & Buice 2022, PLoS Comput. Biol. 18:e1010427. The tables of resources/mousenet hold what was
measured: numbers of neurons and areas of cortical surface; width and in-degree of projections between areas, from the voxel
connectome of Knox et al. 2019, Netw. Neurosci. 3:217; width (cat; Stepanyants, Hirsch & Martinez 2008, Cereb. Cortex 18:13)
and probability at 75 um (Billeh et al. 2020, Neuron 106:388) of connections between layers; levels of the hierarchy of Harris
et al. 2019, Nature 575:195.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.errors import InputError, suggest

INPUT, LGN, LAYERS = "input", "LGNd", ("4", "2/3", "5")  # layers in the order in which signals pass them
INPUT_CHANNELS = 3
IN_DEGREE = 1000  # of a neuron from all populations of other areas, in the table of projections
NO_WIDTH = 1e-9  # pixels, of projections of which the connectome tells no width: a connection to the very place
PROBED_UM = 75.0  # distance at which probabilities between layers were measured
FOLDER = Path(__file__).parents[3] / "resources/mousenet"
TABLES = {
    "populations": ("area", "layer", "level", "n_neurons", "surface_area_mm2"),
    "projections": ("source", "target", "width_um", "in_degree"),
    "laminar": ("source_layer", "target_layer", "cat_width_um", "probability_75um"),
}
NAMES = ("area", "layer", "source", "target", "source_layer", "target_layer")  # columns, before those of numbers
MEASURED = ("populations", "projections")  # in a voxel connectome


@dataclass(frozen=True)
class Options:
    """What the anatomy leaves open; the defaults are those of the paper."""

    input_px: int = 64  # of the image, about a degree each; even
    neuron_fraction: float = 1.0  # of neurons and in-degrees; (input_px / 64)**2 keeps channels and probabilities
    lgn_width_px: float = 4.0  # of the Gaussian by which the image reaches the LGN
    visp4_width_px: float = 1.0  # and the LGN VISp4; after Durand et al. 2016, J. Neurosci. 36:12144
    l4_width_um: float = 114.0  # within layer 4 (Levy & Reyes 2012, J. Neurosci. 32:5609); the cat's widths are scaled by it
    in_degree: float = 1000.0  # neurons of other areas that contact one in layer 4
    reach: float = 1.0  # half a kernel, in widths of its Gaussian
    laminar_in_degree: str = "cut"  # whole: what kernels between layers lose beyond their edge is made up for inside
    clip: bool = False  # probabilities above 1, and with them the in-degrees that are stated
    lgn: str = "rectified"  # linear: neither normalised nor rectified, as in the preprint
    mask: str = "independent"  # shared: by all pairs of channels; learned: shared, and learns; none: all connections are there
    mask_seed: int | None = 2021  # of theirs; None: drawn with the weights
    initialisation: str = "dense"  # masked: the variance of weights is that of the connections there are
    readout: Sequence[str] | None = None  # populations that the classifier sees; None: layer 5 of all areas
    tables: str | None = None  # folder of populations.tsv and projections.tsv; None: those of the paper


@dataclass(frozen=True)
class Population:
    """The excitatory neurons of a layer of an area, as channels of a map."""

    name: str
    area: str
    layer: str
    level: int  # of the hierarchy; 0 for the LGN
    n_neurons: float
    surface_area_mm2: float
    map_px: int  # of a side
    channels: int

    @property
    def px_per_um(self) -> float:
        """Pixels of the map for a micrometre of cortex."""
        return float(np.sqrt(self.n_neurons / self.channels / self.surface_area_mm2) / 1000)


@dataclass(frozen=True)
class Projection:
    """The connections of one population to another, as a convolution."""

    source: str
    target: str
    kind: str  # input, LGN, laminar or interareal
    in_channels: int
    out_channels: int
    in_px: int
    out_px: int
    width_um: float  # of the Gaussian; NaN where it was set in pixels
    width_px: float
    kernel: int
    stride: int
    padding: tuple[int, int, int, int]  # left, right, top, bottom
    peak: float  # probability of a connection without offset; above 1 where more were measured than there is room for

    @property
    def probability(self) -> np.ndarray:
        """Probability of a connection at every offset, (kernel, kernel) float64, not clipped: their Fig 3."""
        return self.peak * gaussian(self.kernel // 2, self.width_px)

    @property
    def in_degree(self) -> float:
        """Expected neurons of the source that contact a neuron of the target, if probabilities above 1 were possible."""
        return float(self.in_channels * self.probability.sum())

    @property
    def density(self) -> float:
        """Expected share of weights that are connections."""
        return float(self.probability.clip(max=1).mean())


@dataclass(frozen=True)
class Anatomy:
    """A network's populations, in the order of computation, and its projections, in the order in which masks are drawn."""

    populations: dict[str, Population]
    projections: list[Projection]
    options: Options


def read_anatomy(options: Options | None = None) -> Anatomy:
    """Read the tables that `options` names, and that of connections between layers, and return the network that they make.

    Raises InputError where a table lacks columns or a connection that the hierarchy asks for.
    """
    options = options or Options()
    measured = {name: read_measured(name, options.tables or FOLDER) for name in MEASURED}
    return build_anatomy(**measured, laminar=read_measured("laminar"), options=options)


def read_measured(name: str, folder: str | Path = FOLDER) -> pd.DataFrame:
    """Read one of `TABLES`; raises InputError where it lacks a column or a number, or has two rows of one name."""
    path = Path(folder) / f"{name}.tsv"
    text = {column: str for column in ("layer", "source_layer", "target_layer")}  # an empty one is no missing number
    table = pd.read_csv(path, sep="\t", dtype=text, keep_default_na=False, na_values={"surface_area_mm2": ""})
    if missing := [column for column in TABLES[name] if column not in table]:
        raise InputError(f"{path}: no column {missing[0]!r}; expected {', '.join(TABLES[name])}.")
    names = [column for column in TABLES[name] if column in NAMES]
    double = table.duplicated(names)
    if double.any():
        what = " ".join(map(str, table.loc[double.idxmax(), names]))
        raise InputError(f"{path}: line {double.idxmax() + 2} is a second row of {what}; keep one of the two.")
    for column in TABLES[name][len(names) :]:
        without = table.area == LGN if column == "surface_area_mm2" else False  # the LGN has no surface
        wrong = ~(np.isfinite(pd.to_numeric(table[column], errors="coerce")) | without)
        if wrong.any():
            value = table.loc[wrong.idxmax(), column]
            raise InputError(f"{path}: line {wrong.idxmax() + 2}: {column} is {str(value)!r}; expected a finite number.")
    return table


def build_anatomy(populations: pd.DataFrame, projections: pd.DataFrame, laminar: pd.DataFrame, options: Options) -> Anatomy:
    """Return the network that tables make: see `read_anatomy` and the columns of `TABLES`."""
    if options.input_px % 2:
        raise InputError(f"MouseNet: an image of {options.input_px} pixels; expected an even number, of which areas see half.")
    nodes = {node.name: node for node in _populations(populations, options)}
    if unknown := set(options.readout or ()) - (nodes.keys() - {INPUT}):
        raise InputError(f"MouseNet: no population {min(unknown)!r} to read out. {suggest(min(unknown), nodes)}")
    between = projections.set_index(["source", "target"])
    within = laminar.set_index(["source_layer", "target_layer"])
    widths = within.cat_width_um / within.cat_width_um["4", "4"] * options.l4_width_um
    made = [_projection(nodes[INPUT], nodes[LGN], "input", np.nan, options.lgn_width_px, 1.0, options)]
    for source, target in connections(nodes):
        if source == LGN:
            made.append(_projection(nodes[LGN], nodes[target], "LGN", np.nan, options.visp4_width_px, 1.0, options))
        elif nodes[source].area == nodes[target].area:
            layers = nodes[source].layer, nodes[target].layer
            made.append(_laminar(nodes, source, target, widths[layers], within.probability_75um[layers], options))
        else:
            if (source, target) not in between.index:
                raise InputError(f"projections: no row from {source} to {target}, which follow each other in the hierarchy.")
            made.append(_interareal(nodes, source, target, *between.loc[(source, target), ["width_um", "in_degree"]], options))
    return Anatomy(nodes, made, options)


def _populations(table: pd.DataFrame, options: Options) -> Iterator[Population]:
    """Yield the image and every row of the table in the order of computation."""
    yield Population(INPUT, INPUT, "", -1, np.nan, np.nan, options.input_px, INPUT_CHANNELS)
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
        yield Population(f"{row.area}{row.layer}", row.area, row.layer, row.level, n_neurons, area_mm2, size, channels)


def connections(nodes: dict[str, Population]) -> Iterator[tuple[str, str]]:
    """Yield source and target of every projection behind the LGN, breadth first: their Fig 2.

    Within an area layer 4 projects to 2/3, and that to 5; all three project to layer 4 of the areas of the next level,
    those of VISp also to VISpor's, two levels on.
    """
    waiting = [LGN]
    for source in waiting:
        for target in _targets(nodes, nodes[source]):
            yield source, target
            if target not in waiting:
                waiting.append(target)


def _targets(nodes: dict[str, Population], source: Population) -> Iterator[str]:
    above = dict(pairwise(LAYERS)).get(source.layer)
    if above:
        yield f"{source.area}{above}"
    for node in nodes.values():
        skips = source.level == 1 and node.level == 3
        if node.layer == LAYERS[0] and source.level >= 0 and (node.level == source.level + 1 or skips):
            yield node.name


def _laminar(nodes: dict, source: str, target: str, width_um: float, probability: float, options: Options) -> Projection:
    width_px = width_um * nodes[source].px_per_um
    peak = probability / np.exp(-(PROBED_UM**2) / (2 * width_um**2))
    if options.laminar_in_degree == "whole":
        peak *= 2 * np.pi * width_px**2 / gaussian(int(width_px * options.reach), width_px).sum()
    return _projection(nodes[source], nodes[target], "laminar", width_um, width_px, peak, options)


def _interareal(nodes: dict, source: str, target: str, width_um: float, in_degree: float, options: Options) -> Projection:
    width_px = width_um * nodes[source].px_per_um
    room = nodes[source].channels * gaussian(int(width_px * options.reach), width_px).sum()
    peak = in_degree * options.in_degree / IN_DEGREE * options.neuron_fraction / room
    return _projection(nodes[source], nodes[target], "interareal", width_um, width_px, peak, options)


def _projection(
    source: Population, target: Population, kind: str, width_um: float, width_px: float, peak: float, options: Options
) -> Projection:
    """Return the convolution: its kernel ends at `reach` widths, and where it halves the map its middle lies on odd pixels."""
    kernel, stride = 2 * int(width_px * options.reach) + 1, source.map_px // target.map_px
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    channels, sizes = (source.channels, target.channels), (source.map_px, target.map_px)
    padding, peak = (before, after) * 2, float(min(peak, 1.0) if options.clip else peak)
    return Projection(
        source.name,
        target.name,
        kind,
        *channels,
        *sizes,
        float(width_um),
        float(width_px),
        kernel,
        stride,
        padding,
        float(peak),
    )


def describe(anatomy: Anatomy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return populations and projections as the tables of these names."""
    populations = pd.DataFrame([asdict(node) for node in anatomy.populations.values()])
    rows = [asdict(edge) | {"in_degree": edge.in_degree, "density": edge.density} for edge in anatomy.projections]
    projections = pd.DataFrame(rows).assign(padding=[",".join(map(str, edge.padding)) for edge in anatomy.projections])
    return populations, projections.assign(order=range(len(rows)))


def gaussian(half: int, width: float) -> np.ndarray:
    """Return exp(-(x^2 + y^2) / 2 width^2) at whole offsets from -half to half, (2 half + 1, 2 half + 1) float64."""
    squares = np.arange(-half, half + 1.0) ** 2
    return np.exp(-(squares[:, None] + squares) / (2 * max(width, NO_WIDTH) ** 2))


def split_name(population: str) -> tuple[str, str]:
    """Return area and layer of a population by its name; the layer of LGNd is empty."""
    layer = next((layer for layer in LAYERS if population.endswith(layer)), "")
    return population.removesuffix(layer), layer


def draw_masks(anatomy: Anatomy, seed: int) -> list[np.ndarray]:
    """Return for every projection which weights are connections, (out_channels, in_channels, kernel, kernel) bool.

    Each is there with its `probability`, drawn from one stream for all projections in turn: NumPy's generator of 2006, as in
    the paper.
    """
    rng, masks = np.random.RandomState(seed), []
    for edge in anatomy.projections:
        full = (edge.out_channels, edge.in_channels, edge.kernel, edge.kernel)
        drawn = {"independent": full, "shared": full[2:], "learned": full[2:], "none": (0,)}[anatomy.options.mask]
        there = rng.random_sample(drawn) < edge.probability if anatomy.options.mask != "none" else True
        masks.append(np.broadcast_to(there, full).copy())
    return masks
