"""Which neurons are kept, by which filters, and how many pass every combination of filters.

The filters are
    excitatory   the Cre line labels excitatory cells, or is unknown;
    running      running does not change the response: p_run_mod_ns is above max_p, or missing;
    responsive   the response depends on the scene: p_ns is below max_p;
    reliable     split-half reliability, corrected or not, reaches min_reliability.
Before any filter, neurons are left out if their area is not studied, if their reliability is unknown, or if another recording
of their container already provides the same cell. Without the filter `reliable`, neurons of a recording that shows all images
once are kept, although they have no reliability.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from dormouse.errors import InputError
from dormouse.recordings.trials import MIN_TRIALS
from dormouse.tables import WHOLE

CORRECTIONS = {"spearman-brown": "reliability", "plain": "split_half_r"}  # columns of the table `reliability`
UNRELIABLE = "reliability below"  # how the reason of the filter `reliable` begins


def of_trials(table: pd.DataFrame, select_on: str, score_on: str) -> pd.DataFrame:
    """Return the rows of the table `reliability` for the trials that select neurons, and those that are scored.

    Raises InputError if these trials were not measured.
    """
    rows = table[(table.select_on == select_on) & (table.score_on == score_on)].reset_index(drop=True)
    if rows.empty and len(table):
        raise InputError(
            f"No method of this run selects neurons on {select_on} trials and scores them on {score_on} trials, so their "
            "reliability was not measured. Add a method with such a selection to methods.run."
        )
    return rows


def passes(table: pd.DataFrame, correction: str, min_reliability: float, max_p: float) -> dict[str, pd.Series]:
    """Return for each filter which rows of the table `reliability` pass it."""
    return {
        "excitatory": table.excitatory.astype("boolean").fillna(True).astype(bool),
        # ASSUME a cell whose modulation could not be tested is not modulated, as in the first code of Conwell et al.
        "running": table.p_run_mod_ns.isna() | (table.p_run_mod_ns > max_p),
        "responsive": table.p_ns < max_p,
        "reliable": table[CORRECTIONS[correction]] >= min_reliability,
    }


def published_counts(targets: Iterable[Mapping]) -> list[dict]:
    """Return the published counts of neurons among rows of `targets.list_targets` as `count` takes them, without tolerance."""
    counts = [row for row in targets if row["measure"] == "n_neurons"]
    exact = [(row["low"], row["high"]) if row["number"] is None else (row["number"], row["number"]) for row in counts]
    return [{**row["of"], "at_least": low, "at_most": high} for row, (low, high) in zip(counts, exact, strict=True)]


def candidates(neurons: pd.DataFrame, area: str, correction: str) -> pd.DataFrame:
    """Return the neurons of an area that are kept, or would be if more reliable, with their reliability as `value`."""
    inside = neurons[(neurons.area == area) & (neurons.kept | neurons.reason.str.startswith(UNRELIABLE))]
    return inside.assign(value=inside[CORRECTIONS[correction]])


def with_service_metrics(table: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Replace the metrics computed here by the service's (table `cell_metrics`) for the cells that it has."""
    found = table[["neuron"]].merge(metrics, on="neuron", how="left", indicator=True).set_index(table.index)
    known = found.pop("_merge") == "both"
    columns = [column for column in metrics.columns if column != "neuron"]
    return table.assign(
        metrics=table.metrics.mask(known, "service"),
        **{column: table[column].mask(known, found[column]) for column in columns},
    )


def unusable(table: pd.DataFrame, areas: Sequence[str], filters: Sequence[str] = ("reliable",)) -> dict[str, pd.Series]:
    """Return the rows of the table `reliability` that are left out before any filter, by reason."""
    measured = (table.n_trials >= MIN_TRIALS) | table.reliability.notna()
    shown_once = ~measured.groupby(table.recording).transform("any") & (table.n_trials > 0) & ("reliable" not in filters)
    return {
        "area not studied": ~table.area.isin(areas),
        f"fewer than {MIN_TRIALS} trials of a stimulus": (table.n_trials < MIN_TRIALS) & ~shown_once,
        "reliability undefined": (table.reliability.isna() | table.scored_reliability.isna()) & ~shown_once,
    }


def seen_before(table: pd.DataFrame, areas: Sequence[str]) -> pd.Series:
    """Return the rows whose cell another recording represents: the first in which it can be used, or else the first."""
    wanting = pd.concat(unusable(table, areas), axis=1).any(axis=1)
    order = table.assign(wanting=wanting).sort_values(["wanting", "recording"], kind="stable")
    return order.duplicated("neuron")[table.index]


def select(
    table: pd.DataFrame,
    areas: Sequence[str],
    filters: Sequence[str],
    correction: str,
    min_reliability: float,
    max_p: float,
    min_neurons: int,
) -> pd.DataFrame:
    """Add `kept` and `reason` to the table `reliability` of all recordings.

    Raises InputError if an area is left with fewer than `min_neurons` neurons.
    """
    name = {"running": f"response changes with running (p_run_mod_ns up to {max_p})", "excitatory": "not excitatory"}
    name |= {"responsive": f"not responsive (p_ns from {max_p})", "reliable": f"{UNRELIABLE} {min_reliability}"}
    passed = passes(table, correction, min_reliability, max_p)
    for key, column in (("excitatory", "excitatory"), ("running", "p_run_mod_ns")):
        if key in filters and table[column].isna().any():
            print(f"{key}: unknown of {table[column].isna().sum()} of {len(table)} neurons; they are kept.", file=sys.stderr)
    reasons = unusable(table, areas, filters) | {"same cell as in an earlier recording": seen_before(table, areas)}
    reasons |= {name[key]: ~mask for key, mask in passed.items() if key in filters}  # `reliable` last: see `candidates`
    reason = np.select(list(reasons.values()), list(reasons), default="")
    table = table.assign(kept=reason == "", reason=reason)
    for name, rows in table.groupby("recording"):
        if reasons["reliability undefined"][rows.index].all():
            how = f"selected on {rows.select_on.iloc[0]} and scored on {rows.score_on.iloc[0]} trials"
            print(
                f"{name}: left out, because its neurons, {how}, have no reliability, as where an image has fewer than "
                f"{MIN_TRIALS} such trials, or running speed is not known.",
                file=sys.stderr,
            )
    for area in areas:
        inside = table[table.area == area]
        if inside.kept.sum() < min_neurons:
            undefined = reasons["reliability undefined"][inside.index].sum()
            few = f"It is undefined for {undefined} neurons, as where a stimulus has fewer than {MIN_TRIALS} trials to select "
            few += "or to score them. "
            halved = (inside[["select_on", "score_on"]] != "all").any(axis=None)
            half = ", or leave methods that use a part of the trials, as those of strict, out of methods.run"
            raise InputError(
                f"{area}: {inside.kept.sum()} of {len(inside)} neurons pass the filters {', '.join(filters)}; "
                f"selection.min_neurons asks for {min_neurons}. The highest reliability is {inside.reliability.max():.3f}, "
                f"selection.min_reliability {min_reliability}. {few if undefined else ''}"
                f"Lower the limit, or leave the area out of `areas`{half if halved else ''}."
            )
        for layer, n in inside[inside.kept].groupby("cortical_layer").size().items():
            if layer and n < min_neurons:
                print(f"{area}: layer {layer} is not scored by itself, with {n} of {min_neurons} neurons.", file=sys.stderr)
    return table


def count(
    table: pd.DataFrame, areas: Sequence[str], min_reliability: float, max_p: float, published: Sequence[Mapping] = ()
) -> pd.DataFrame:
    """Return the table `selection_counts`: the number of neurons of each site under every combination of the filters.

    Parameters
    ----------
    table : table `reliability`; a cell of several recordings counts once, in the first recording in which it can be used
    published : for each published number area, cortical_layer, reliable (whether for reliable neurons or all), at_least and
        at_most, None where nothing is known
    """
    table = table[table.area.isin(areas)]
    table = table[~seen_before(table, areas)]
    passed = {name: passes(table, name, min_reliability, max_p) for name in CORRECTIONS}
    everything = pd.Series(True, index=table.index)
    rows = []
    for excitatory, running, responsive, reliable in product((False, True), (False, True), (False, True), ("", *CORRECTIONS)):
        masks = passed[reliable or "plain"]
        mask = (masks["reliable"] if reliable else everything).copy()
        for name, wanted in (("excitatory", excitatory), ("running", running), ("responsive", responsive)):
            mask &= masks[name] if wanted else everything
        counts = count_sites(table, mask)
        rows.append(counts.assign(excitatory=excitatory, running=running, responsive=responsive, reliable=reliable))
    counts = pd.concat(rows, ignore_index=True)
    return with_published(counts, published)


def with_published(counts: pd.DataFrame, published: Sequence[Mapping]) -> pd.DataFrame:
    """Add the published numbers of the same sites (see `count`) to the counts, and whether they agree."""
    keys, known = ["area", "cortical_layer", "any_reliable"], ["at_least", "at_most"]
    numbers = pd.DataFrame(list(published), columns=["area", "cortical_layer", "reliable", *known])
    types = {"any_reliable": bool} | dict.fromkeys(known, "Int64")
    numbers = numbers.rename(columns={"reliable": "any_reliable"}).astype(types)
    rows = counts.assign(any_reliable=counts.reliable != "").merge(numbers, on=keys, how="left")
    inside = (rows.n_neurons >= rows.at_least.fillna(0)) & (rows.n_neurons <= rows.at_most.fillna(np.iinfo(np.int64).max))
    return rows.drop(columns="any_reliable").assign(agrees=inside.mask(rows[known].isna().all(axis=1)))


def count_sites(table: pd.DataFrame, mask: pd.Series) -> pd.DataFrame:
    """Return the number of rows in `mask` for each site, each area, and in total; sites without any count as 0."""
    layers = table[table.cortical_layer != ""]
    sites = [layers, table.assign(cortical_layer=WHOLE), table.assign(area=WHOLE, cortical_layer=WHOLE)]
    return (
        pd.concat([part.assign(n_neurons=mask[part.index].astype(int)) for part in sites])
        .groupby(["area", "cortical_layer"])
        .n_neurons.sum()
        .reset_index()
    )
