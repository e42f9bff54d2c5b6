"""How certain scores are, put together for the figures and the page: answers, intervals, ranks, tests, choices, seeds."""

from collections.abc import Sequence
from itertools import chain

import pandas as pd

from dormouse.tables import WHOLE, whole_areas

OF_SITE = ["method", "model", "area", "cortical_layer"]
MEAN, POOLED = "mean_over_animals", "pooled"  # statistics of the table `intervals`
WORDS = {MEAN: "mean over animals", POOLED: "all neurons"}
ALPHA = 0.05  # of q
ABOVE, CHANCE, UNTESTED = "above chance", "not above chance", "not tested"
FEW, N_SHOWN = 40, 20  # networks that a figure names: all of so many, else the best
ALWAYS, N_ALWAYS = ("mousenet", "baseline"), 5  # sources of which so many are named, too
CHOICES = ("other_images", "other_trials", "other_animals")


def is_main(intervals: pd.DataFrame) -> pd.Series:
    """Return for each row of `intervals` whether it is its site's main one: the mean over animals, else the pooled score."""
    sites = pd.MultiIndex.from_frame(intervals[OF_SITE])
    of_animals = intervals.statistic == MEAN
    return of_animals | ~sites.isin(sites[of_animals])


def whole_area_marks(best: pd.DataFrame, intervals: pd.DataFrame, tests: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return what is drawn of the whole areas of a method, one row per model, area and statistic.

    Parameters
    ----------
    best, intervals, tests : tables `best_layers`, `intervals` and `permutation_tests`; the last two may be empty

    Returns
    -------
    model, area, statistic, over, estimate, low and high as in `intervals`; a score of `best` that is not there has no interval
    main : whether the interval of the row is drawn, see `is_main`
    verdict : of the test of the area's score: `ABOVE` (q below `ALPHA`), `CHANCE` or `UNTESTED`
    """
    scores, known, tested = (
        table[(table.method == method) & (table.cortical_layer == WHOLE)] for table in (best, intervals, tests)
    )
    at = ["model", "area"]
    new = ~pd.MultiIndex.from_frame(scores[at]).isin(pd.MultiIndex.from_frame(known[at]))
    without = scores[new].rename(columns={"score": "estimate"})[[*at, "estimate"]].assign(statistic=POOLED, over="", main=True)
    columns = [*at, "statistic", "over", "estimate", "low", "high"]
    parts = [part for part in (known[columns].assign(main=is_main(known)), without) if len(part)]
    marks = pd.concat(parts, ignore_index=True) if parts else known[columns].assign(main=False)
    q = marks[at].merge(tested[[*at, "q"]], on=at, how="left").q.to_numpy(float)
    verdicts = pd.Series(CHANCE, marks.index).mask(q < ALPHA, ABOVE).mask(pd.isna(q), UNTESTED)
    return marks.reindex(columns=[*columns, "main"]).assign(verdict=verdicts)


def leading(means: pd.Series, models: pd.DataFrame) -> list[str]:
    """Return the models that a figure names, best first: all of a few, else the `N_SHOWN` best, and the best of the `ALWAYS`.

    Parameters
    ----------
    means : score by model; models without one come last
    models : table `models`
    """
    names = models.set_index("model").display_name.sort_values(kind="stable").index
    order = list(means.reindex(names).sort_values(ascending=False, kind="stable", na_position="last").index)
    if len(order) <= FEW:
        return order
    source = models.set_index("model").source
    others = [[model for model in order[N_SHOWN:] if source[model] == kind][:N_ALWAYS] for kind in ALWAYS]
    return [model for model in order if model in {*order[:N_SHOWN], *chain(*others)}]


def own_check(check: pd.DataFrame) -> dict | None:
    """Return what the run's check of itself found: the table `null_check` in a few words; None where nothing was checked.

    passed, p, largest_z and n_permutations are those of the whole run, `models` are those that were checked, and `worst` is
    the row that is farthest from what was expected.
    """
    known = check[check.z.notna()]
    if not len(known):
        return None
    of_run = check.iloc[0][["p", "largest_z", "n_permutations"]].astype(float).to_dict()
    worst = known.loc[known.z.abs().idxmax()].to_dict()
    return of_run | {"passed": bool(check.passed.all()), "models": list(check.model.unique()), "n": len(check), "worst": worst}


def null_table(check: pd.DataFrame) -> pd.DataFrame:
    """Return for each method (rows) and what was checked how far its scores are from what was expected."""
    known = check[check.z.notna()]
    grouped = known.assign(size=known.z.abs()).groupby(["method", "model"], sort=False)
    found = {"lowest": ("score", "min"), "highest": ("score", "max"), "expected": ("null_mean", "mean")}
    table = grouped.agg(scores=("score", "size"), **found, largest_z=("size", "max"))
    return table.rename(columns={"largest_z": "largest |z|"}).reset_index()


def interval_table(intervals: pd.DataFrame, models: pd.DataFrame, areas: Sequence[str], method: str) -> pd.DataFrame | None:
    """Return for each network (rows) and site the main score, its interval and its rank, as text; None where there are none.

    Networks are ordered by their mean rank.
    """
    rows = _of_method(intervals[is_main(intervals)], method).merge(models[["model", "display_name"]], on="model")
    if not len(rows):
        return None
    cells = [
        f"{row['estimate']:.3f} {span(row['low'], row['high'], 3)}, rank {row['rank']:.0f} "
        f"{span(row['rank_low'], row['rank_high'], 0)}"
        for row in rows.to_dict("records")
    ]
    rows = rows.assign(cell=cells, site=rows.site + ", " + rows.statistic.map(WORDS))
    order = rows.groupby("display_name")["rank"].mean().sort_values(kind="stable").index
    table = _wide(rows, ["display_name"], areas).set_index("display_name").loc[order]
    return table.rename_axis(index="network").reset_index()


def choice_table(choices: pd.DataFrame, models: pd.DataFrame, method: str) -> pd.DataFrame | None:
    """Return for each network (rows) what each choice of layers gives, mean over the sites that have it; None without any.

    The last row is the mean over networks.
    """
    rows = _of_method(choices, method).merge(models[["model", "display_name"]], on="model")
    once = rows.drop_duplicates([*OF_SITE, "choice"])  # each layer that was chosen has a row
    made = [choice for choice in CHOICES if choice in set(once.choice)]
    if not made:
        return None
    means = once.groupby(["display_name", "choice"])[["score", "optimism", "selection_loss"]].mean().unstack()
    places = [(value, choice) for choice in made for value in ("score", "optimism", "selection_loss")]
    table = means[places].set_axis([f"{choice}: {value}".replace("_", " ") for value, choice in places], axis="columns")
    table.loc["mean over networks"] = table.mean()
    return table.rename_axis(index="network").reset_index()


def seed_table(spread: pd.DataFrame, areas: Sequence[str], method: str) -> pd.DataFrame | None:
    """Return for each random network (rows) and site mean, sd and range of its seeds, as text; None where there are none."""
    rows = _of_method(spread, method)
    if not len(rows):
        return None
    cells = [
        f"{row['mean']:.3f}, sd {row['sd']:.3f} {span(row['lowest'], row['highest'], 3)}" for row in rows.to_dict("records")
    ]
    rows = rows.assign(cell=cells).rename(columns={"n_seeds": "seeds"})
    return _wide(rows, ["network", "seeds"], areas)


def chance_table(tests: pd.DataFrame, areas: Sequence[str], method: str) -> pd.DataFrame | None:
    """Return for each site (rows) how many networks were tested, how many are above chance, and on what; None without any."""
    rows = _of_method(tests, method)
    if not len(rows):
        return None
    order = {area: place for place, area in enumerate(areas)}
    grouped = rows.assign(place=rows.area.map(order), above=rows.q < ALPHA).groupby(["place", "site"])
    table = pd.DataFrame({"networks": grouped.q.count(), f"q < {ALPHA}": grouped.above.sum()})
    for column, name in (("n_permutations", "permutations"), ("n_neurons", "neurons")):
        table[name] = [numbers(values) for _, values in grouped[column]]
    return table.droplevel("place").reset_index()


def _of_method(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the rows of a method that `tables.whole_areas` keeps, with the name of their site."""
    rows = whole_areas(table[table.method == method])
    return rows.assign(site=(rows.area + " " + rows.cortical_layer).str.removesuffix(f" {WHOLE}"))


def _wide(rows: pd.DataFrame, index: list[str], areas: Sequence[str]) -> pd.DataFrame:
    """Return the texts `cell` with one column per site, in the order of areas."""
    order = {area: place for place, area in enumerate(areas)}
    sites = rows.assign(place=rows.area.map(order)).sort_values(["place", "site"], kind="stable").site.unique()
    return rows.pivot(index=index, columns="site", values="cell")[sites].rename_axis(columns=None).reset_index()


def span(low: float, high: float, digits: int) -> str:
    """Return two ends as text."""
    return "[no interval]" if pd.isna(low) or pd.isna(high) else f"[{low:.{digits}f}, {high:.{digits}f}]"


def numbers(values: pd.Series) -> str:
    """Return the whole numbers that a column has: one, a range, or nothing where all are missing."""
    known = values.dropna().astype(int)
    return " to ".join(map(str, dict.fromkeys((known.min(), known.max())))) if len(known) else ""
