"""What may be said about networks, in words: one sentence or two for each row of the table `comparisons`."""

from collections.abc import Mapping

import pandas as pd

from dormouse.inference.contrasts import FEWEST
from dormouse.inference.questions import NEGATIVE, NOT_RUN, POSITIVE, TOO_FEW
from dormouse.tables import WHOLE

UNITS = {"family": "families of architectures", "network": "architectures", "model": "networks"}
COVARIATES = {  # networks that have more of it
    "n_parameters": "more parameters",
    "n_features": "more features",
    "n_layers": "more layers",
    "effective_dimension": "a higher effective dimension of their best layer",
    "imagenet_top1": "a higher accuracy on ImageNet",
}


def sentences(comparisons: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """Return what each row of the table `comparisons` allows to say.

    Parameters
    ----------
    labels : names of methods as they are shown
    """
    return [sentence(row, labels) for row in comparisons.to_dict("records")]


def sentence(row: Mapping, labels: Mapping[str, str]) -> str:
    """Return what one row allows to say; see `sentences`."""
    if row["verdict"] == NOT_RUN:
        return f"Not in this run: it does not have the method {row['method']}."
    if row["verdict"] == TOO_FEW:
        single = " What single networks differ by is in the table differences." if row["kind"] == "pairs" else ""
        return f"Not with these networks: {_lacking(row)}.{single}"
    found = {"agreement": _agreement, "covariates": _slope}.get(row["kind"], _difference)(row)
    return f"{_place(row, labels)}{found} {_numbers(row)}.{_scope(row)}"


def _place(row: Mapping, labels: Mapping[str, str]) -> str:
    """Return by which method and where, as the start of a sentence."""
    area = "on average over areas" if row["area"] == WHOLE else f"in {row['area']}"
    layer = "" if row["cortical_layer"] == WHOLE else f" layer {row['cortical_layer']}"
    if row["kind"] == "agreement":
        return f"{area[0].upper()}{area[1:]}{layer}, "
    by = " and ".join(labels.get(method, method) for method in row["method"].split(", "))
    return f"By {by}, {area}{layer}, "


def _difference(row: Mapping) -> str:
    size = f"{abs(row['estimate']):.3f}"
    if row["verdict"] in (POSITIVE, NEGATIVE):
        return f"{row['first']} score {size} {'higher' if row['verdict'] == POSITIVE else 'lower'} than {row['second']}"
    found = f"the difference is {row['estimate']:+.3f}"
    return f"it is open whether {row['first']} score higher or lower than {row['second']}: {found}"


def _slope(row: Mapping) -> str:
    of = f"networks with {COVARIATES.get(row['first'], row['first'])}"
    if row["verdict"] in (POSITIVE, NEGATIVE):
        return (
            f"{of} score {'higher' if row['verdict'] == POSITIVE else 'lower'}, {row['estimate']:+.3f} per standard deviation"
        )
    return f"it is open whether {of} score higher or lower: {row['estimate']:+.3f} per standard deviation"


def _agreement(row: Mapping) -> str:
    pair = f"{row['first']} and {row['second']}"
    if row["verdict"] == POSITIVE:
        return f"{pair} order networks alike, rho = {row['estimate']:.2f}"
    if row["verdict"] == NEGATIVE:
        return f"{pair} order networks in opposite ways, rho = {row['estimate']:.2f}"
    return f"it is open whether {pair} order networks alike: rho = {row['estimate']:.2f}"


def _numbers(row: Mapping) -> str:
    """Return interval, numbers of units, animals and images, and q, in brackets."""
    digits = 2 if row["kind"] == "agreement" else 3
    known = not (pd.isna(row["low"]) or pd.isna(row["high"]))
    parts = [f"95 % interval {row['low']:.{digits}f} to {row['high']:.{digits}f}" if known else "no interval"]
    units = f"{row['n_units']:.0f} {UNITS[row['unit']]}"
    parts.append(f"{row['n_pairs']:.0f} pairs of {units}" if not pd.isna(row["n_pairs"]) else units)
    parts += [f"{row[n]:.0f} {what}" for n, what in (("n_animals", "animals"), ("n_images", "images")) if not pd.isna(row[n])]
    tested = "not tested" if pd.isna(row["q"]) else f"q = {row['q']:.2g}"
    return f"({', '.join(parts)}; {tested})"


def _scope(row: Mapping) -> str:
    """Return for what else an answer holds; without one, which difference would have been found."""
    if row["verdict"] in (POSITIVE, NEGATIVE):
        fixed = [what for what in ("animals", "images") if what not in row["over"]]
        return f" This is to hold for other {row['over']}{', with these ' * bool(fixed)}{' and '.join(fixed)}."
    if pd.isna(row["detectable"]):
        return ""
    return f" A difference of {row['detectable']:.3f} would be found in four of five such studies."


def _lacking(row: Mapping) -> str:
    """Return what the question needs, and what there is."""
    units, n = UNITS[row["unit"]], f"{row['n_units']:.0f}"
    if row["kind"] == "pairs" and row["n_units"] >= FEWEST:
        return f"{row['first']} and {row['second']} are the same ones"
    if row["kind"] == "pairs":
        return f"it takes pairs of {row['first']} and {row['second']} from {FEWEST} {units}, and this run has them from {n}"
    if row["kind"] == "groups" and not row["first"]:
        return f"it takes two kinds of networks, each from {FEWEST} {units}, and this run has fewer kinds"
    if row["kind"] == "groups":
        return f"it takes {FEWEST} {units} of each kind, and of {row['first']} and {row['second']} one has {n} in this run"
    if row["kind"] == "covariates" and row["n_units"] >= FEWEST:
        return f"what goes with this number cannot be told apart from the rest with {n} {units}"
    return f"it takes {FEWEST} {units} or more, and this run has {n}"
