"""Which networks score highest: their ranking, their scores at each site, and what is first in each area, in words."""

from collections.abc import Mapping, Sequence

import pandas as pd

from dormouse.paper.evidence import ALPHA, is_main
from dormouse.paper.facts import Tables
from dormouse.tables import WHOLE, whole_areas

ATTRIBUTES = {  # columns of the table `models` that the ranking shows
    "family": "family",
    "architecture": "architecture",
    "group": "group",
    "weights": "weights",
    "task": "task",
    "training_data": "training data",
    "n_parameters": "parameters",
    "n_layers": "layers",
    "imagenet_top1": "ImageNet top-1, %",
}
MOST_SITES = 8  # whose numbers are told in words
FILTERS = ("family", "architecture", "group", "task", "training data")


def mean_scores(best: pd.DataFrame) -> pd.DataFrame:
    """Return the score of each model (rows) by each method (columns): the mean over areas.

    It is over the cortical layers of areas that the data set has only in parts, as everywhere in the report.
    """
    return whole_areas(best).pivot_table(index="model", columns="method", values="score", sort=False)


def ranking(tables: Tables, methods: Sequence[Mapping]) -> pd.DataFrame:
    """Return the networks (rows), best first by the first method that has scores: their means over areas, and what they are.

    Parameters
    ----------
    methods : rows of the methods that are set side by side
    """
    models, means = tables["models"], mean_scores(tables["best_layers"])
    table = models.set_index("model")[["display_name"]].rename(columns={"display_name": "network"})
    for method in methods:
        if method["method"] in means:
            table[method["label"]] = means[method["method"]]
            table[f"rank, {method['label']}"] = table[method["label"]].rank(ascending=False, method="min").astype("Int64")
    scores = list(table)[1:]
    named = models.assign(weights=models.weights.str.rsplit("/", n=1).str[-1])  # of a file, without its folder
    table = table.join(named.set_index("model")[list(ATTRIBUTES)].rename(columns=ATTRIBUTES))
    told = [column for column in table if column in scores or not _says_nothing(table[column])]
    return table[told].sort_values(scores[:1], ascending=False, kind="stable") if scores else table[told]


def _says_nothing(values: pd.Series) -> bool:
    return bool((values.isna() | (values.astype(str) == "")).all())


def score_tables(
    best: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, areas: Sequence[str], methods: Mapping[str, Mapping]
) -> dict[str, pd.DataFrame]:
    """Return for each method the score of each model (rows) at each site (columns), and the ceilings in the last row.

    Sites are whole areas in the order of `areas`, or the cortical layers of an area that the data set has only in parts.
    Models and sites without a score leave a gap.
    """
    named = whole_areas(best)
    sites = [f"{area} {layer}" for area in areas for layer in sorted(named.cortical_layer[named.area == area].unique())]
    limits = ceilings[ceilings.neuron.isna()]
    limits = limits.assign(site=limits.area + " " + limits.cortical_layer)
    names = models.sort_values("display_name").set_index("model").display_name
    found = {}
    for name, method in methods.items():
        rows = named[named.method == name]
        rows = rows.assign(site=rows.area + " " + rows.cortical_layer)
        table = rows.pivot(index="model", columns="site", values="score").reindex(index=names.index, columns=sites)
        table = table.assign(mean=table.mean(axis=1)).sort_values("mean", ascending=False, kind="stable").rename(index=names)
        own = limits[(limits.target == method["target"]) & (limits.selection == method["selection"])]
        if own.ceiling.notna().any() and method["images"] != "some":  # no ceiling was estimated for a part of the images
            table.loc["noise ceiling"] = own.set_index("site").ceiling.reindex(table.columns)
        table = table.rename(columns=lambda site: site.removesuffix(f" {WHOLE}"))
        found[name] = table.rename_axis(index="network", columns=None).reset_index()
    return found


def first_places(tables: Tables, method: str) -> pd.DataFrame:
    """Return what is first in each site by a method, one row a site.

    Returns
    -------
    the row of the table `intervals` whose rank is 1 by the site's main statistic, and
    n_others : number of other networks with a rank at the site
    n_below : how many of these score lower, with q below `ALPHA` in the table `differences`
    """
    at = ["area", "cortical_layer", "statistic"]
    intervals, differences = (
        whole_areas(rows[rows.method == method]) for rows in (tables["intervals"], tables["differences"])
    )
    main = intervals[is_main(intervals)]
    first = main[main["rank"] == 1].drop_duplicates(at)
    told = differences[differences.q < ALPHA]
    higher = pd.concat([told.model[told.difference > 0], told.other[told.difference < 0]])
    below = told.loc[higher.index, at].assign(model=higher).value_counts()
    counts = main.groupby(at).size()
    return first.assign(
        n_others=[counts[tuple(row)] - 1 for row in first[at].to_numpy()],
        n_below=[below.get((*row, model), 0) for *row, model in first[[*at, "model"]].to_numpy()],
    )


def first_words(first: pd.DataFrame, names: Mapping[str, str], areas: Sequence[str]) -> list[str]:
    """Return what is first by a method, of `first_places`: a sentence for each network; and how many others score lower."""
    if not len(first):
        return []
    rows = first.assign(
        site=(first.area + " " + first.cortical_layer).str.removesuffix(f" {WHOLE}"), place=first.area.map(list(areas).index)
    ).sort_values(["place", "site"], kind="stable")
    places = rows.site if len(rows) > MOST_SITES else pd.Series(map(_with_numbers, rows.to_dict("records")), rows.index)
    told = [
        f"{names[model]} scores highest in {joined(list(places[own.index]))}."
        for model, own in rows.groupby("model", sort=False)
    ]
    few, most = (rows.loc[place] for place in (rows.n_below.idxmin(), rows.n_below.idxmax()))
    counts = f"{few.n_below} of {few.n_others} in {'each' if len(rows) > 1 else few.site}"
    if most.n_below > few.n_below:
        counts = f"from {few.n_below} of {few.n_others} in {few.site} to {most.n_below} of {most.n_others} in {most.site}"
    return [*told, f"Other networks that score lower with q < {ALPHA}: {counts}."]


def _with_numbers(row: Mapping) -> str:
    parts = [f"{row['estimate']:.3f}"]
    if not pd.isna(row["low"]):
        parts.append(f"95 % interval {row['low']:.3f} to {row['high']:.3f}")
    if not pd.isna(row["rank_low"]):
        parts.append(f"rank {row['rank_low']:.0f} to {row['rank_high']:.0f} of {row['n_others'] + 1}")
    return f"{row['site']} ({', '.join(parts)})"


def joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
