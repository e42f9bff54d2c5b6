"""Targets of neurons and of the RDMs of sites: how many there are, how reliable, and how alike."""

import pandas as pd

from dormouse.neurons.reliability import spearman_brown
from dormouse.paper.facts import Tables
from dormouse.paper.measures.found import Found, NotRun
from dormouse.tables import WHOLE

FILTERS = ["excitatory", "running", "responsive", "reliable"]  # columns of the table `selection_counts`
NO_CEILINGS = "this run has no trials from which to estimate the reliability of an RDM."


def n_neurons(tables: Tables, area: str, cortical_layer: str, reliable: bool) -> Found:
    """Return how many neurons pass the combination of filters whose counts are the published ones most often.

    It is not known which filters the paper used, so the counts tell it, and all targets are held against the same combination.
    Of all neurons, reliable or not, some lines may have been left out or not: that which is nearer counts.
    """
    counts = _first_selection(tables["selection_counts"])
    known = counts[counts.agrees.notna() & (counts.reliable != "")]
    if known.empty:
        raise NotRun("nothing is published of the neurons of this run.")
    if area not in {WHOLE, *counts.area}:
        raise NotRun(f"this run does not have the area {area}.")
    here = counts[(counts.area == area) & (counts.cortical_layer == cortical_layer)]
    if not reliable:
        here = here[(here.reliable == "") & ~here.running & ~here.responsive]
        nearest = here.loc[(here.n_neurons - here.at_least).abs().idxmin()]
        return Found(nearest.n_neurons, f"{nearest.n_neurons:,.0f}, {_words(nearest)}")
    agreeing = known.assign(agrees=known.agrees.astype(int)).groupby(FILTERS).agrees.sum()
    best = dict(zip(FILTERS, agreeing.idxmax(), strict=True))
    # a site of which no neuron was recorded has no row
    n = here.n_neurons[(here[FILTERS] == pd.Series(best)).all(axis=1)].sum()
    told = f"the combination of {len(agreeing)} that agrees with most published numbers, {agreeing.max()}"
    return Found(n, f"{n:,}, {_words(best)}: {told}")


def _words(filters) -> str:
    wanted = [name for name in FILTERS[:3] if filters[name]] + [filters["reliable"]] * bool(filters["reliable"])
    return f"filters {', '.join(wanted)}" if wanted else "no filters"


def reliability_of_rdm(tables: Tables, area: str, cortical_layer: str) -> Found:
    """Return the split-half r of a site's RDM, as it is; in words also as extrapolated to all trials."""
    sites = _reliabilities(tables)
    own = (sites.area == area) & (sites.cortical_layer == cortical_layer)
    return _reliability(sites[own], f"{area} layer {cortical_layer}")


def highest_reliability(tables: Tables) -> Found:
    """Return the highest split-half r of the RDM of any layer of an area."""
    sites = _reliabilities(tables)
    layers = sites[sites.cortical_layer != WHOLE]
    return _reliability(layers.nlargest(1, "split_half_r"), "layers of areas")


def _reliabilities(tables: Tables) -> pd.DataFrame:
    sites = _first_selection(tables["ceilings"])
    sites = sites[sites.neuron.isna() & (sites.target == "rdm") & sites.split_half_r.notna()]
    if sites.empty:
        raise NotRun(NO_CEILINGS)
    return sites


def _reliability(rows: pd.DataFrame, what: str) -> Found:
    if rows.empty:
        raise NotRun(f"this run does not have {what}.")
    row = rows.iloc[0]
    extrapolated = spearman_brown(row.split_half_r)
    site = f"{row.area} layer {row.cortical_layer}, {row.n_neurons:,} neurons"
    return Found(row.split_half_r, f"{row.split_half_r:.3f}; {extrapolated:.3f} by Spearman-Brown; {site}")


def site_similarity(tables: Tables, area: str, cortical_layer: str, other_area: str, other_cortical_layer: str) -> Found:
    """Return Pearson's r of the RDMs of two sites."""
    pairs = both_ways(tables["site_similarity"])
    own = (pairs.area == area) & (pairs.cortical_layer == cortical_layer)
    found = pairs.r[own & (pairs.other_area == other_area) & (pairs.other_cortical_layer == other_cortical_layer)].dropna()
    if found.empty:
        raise NotRun(f"this run does not have {area} layer {cortical_layer} and {other_area} layer {other_cortical_layer}.")
    return Found(found.iloc[0], f"{found.iloc[0]:.3f}")


def highest_similarity(tables: Tables, area: str, cortical_layer: str) -> Found:
    """Return the highest r of the RDM of a site with that of any other."""
    pairs = both_ways(tables["site_similarity"])
    own = pairs[(pairs.area == area) & (pairs.cortical_layer == cortical_layer) & pairs.r.notna()]
    if own.empty:
        raise NotRun(f"this run does not have {area} layer {cortical_layer} and another site.")
    row = own.loc[own.r.idxmax()]
    return Found(row.r, f"{row.r:.3f}, with {row.other_area} layer {row.other_cortical_layer}")


def both_ways(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the table `site_similarity` with each pair in both orders."""
    swapped = {name: f"other_{name}" for name in ("area", "cortical_layer", "n_neurons")}
    return pd.concat([pairs, pairs.rename(columns=swapped | {other: name for name, other in swapped.items()})])


def published_rdm(tables: Tables, area: str, cortical_layer: str) -> Found:
    """Return Pearson's r of a site's RDM and the published one."""
    sites = tables["published_rdms"]
    if sites.empty:
        raise NotRun("the published matrices are not at hand: `replication.matrices` names their folder.")
    found = sites[(sites.area == area) & (sites.cortical_layer == cortical_layer) & sites.r.notna()]
    if found.empty:
        raise NotRun(f"this run, or the published matrices, do not have {area} layer {cortical_layer}.")
    return Found(found.r.iloc[0], f"{found.r.iloc[0]:.3f}; {found.n_neurons.iloc[0]:,} neurons")


def _first_selection(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first selection of the run, that of its first method."""
    return table[table.selection == table.selection.iloc[0]] if len(table) else table
