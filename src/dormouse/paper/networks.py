"""The networks of a run and their scores, as figures of networks show them: seeds averaged, in every area and over areas."""

import pandas as pd

from dormouse.inference.contrasts import RANDOM, with_attributes
from dormouse.paper.evidence import MEAN, POOLED, WORDS, leading
from dormouse.paper.facts import Tables, areas_of, shown_methods
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import WHOLE, whole_areas

OVER_AREAS = "mean over areas"  # in the place of an area
TRAINED, UNTRAINED, SELF, TASKS, MOUSENET, BASELINE = (
    *("trained", "random", "self-supervised", "Taskonomy", "MouseNet", "baseline"),
)
KINDS = (TRAINED, UNTRAINED, SELF, TASKS, MOUSENET, BASELINE)
ATTRIBUTES = ["network", "kind", "state", "family", "architecture", "task", "task_cluster", "n_seeds"]


def networks(models: pd.DataFrame) -> pd.DataFrame:
    """Return the table `models` of those that see the original images, with columns that figures need besides.

    network : name in figures; seeds of random weights share that of the first
    stands_for : first model of the network. n_seeds : number of its models
    kind : one of `KINDS`. state, family : as in `contrasts.with_attributes`; named : the column `network` of the latter
    """
    own = with_attributes(models[models.stimulus_set == ORIGINAL])
    kind = own.state.where(own.group != "selfsupervised", SELF).where(own.source != "taskonomy", TASKS)
    kind = kind.mask(own.state == "random", UNTRAINED)
    kind = kind.mask(own.source == "mousenet", MOUSENET).mask(own.source == "baseline", BASELINE)
    same = own.model.where(own.weights != RANDOM, own.source + ":" + own.name)
    first = own.model.groupby(same).transform("first")
    shown = first.map(own.set_index("model").display_name)
    counts = own.model.groupby(same).transform("size")
    return own.assign(named=own.network, network=shown, stands_for=first, n_seeds=counts, kind=kind.replace("none", BASELINE))


def network_scores(tables: Tables, method: str) -> pd.DataFrame:
    """Return the scores of networks by a method: a row for each network and area, and one for its mean over areas.

    The statistic is the mean over animals if all sites have it, else the score of all neurons. So it is in the answers (table
    `comparisons`) that concern means over areas.

    Returns
    -------
    model : that stands for the network, and `ATTRIBUTES`
    area : or `OVER_AREAS`; networks without a score in some area have no mean. Of areas in parts, the mean over these
    statistic : in words. score; low and high, the ends of its 95 % interval, missing for means of seeds, areas or parts
    """
    of_method = whole_areas(tables["intervals"][tables["intervals"].method == method])
    site, of_animals = [of_method.area, of_method.cortical_layer], of_method.statistic == MEAN
    statistic = MEAN if len(of_method) and of_animals.groupby(site).any().all() else POOLED
    known = networks(tables["models"])
    rows = of_method[of_method.statistic == statistic].merge(known[["model", "stands_for"]], on="model")
    found = rows.groupby(["stands_for", "area"], sort=False).agg(
        score=("estimate", "mean"), low=("low", "first"), high=("high", "first"), n=("estimate", "size")
    )
    found[["low", "high"]] = found[["low", "high"]].where(found.n == 1)
    wide = found.score.unstack()
    means = wide.mean(axis=1, skipna=False).dropna().rename("score").reset_index().assign(area=OVER_AREAS)
    found = pd.concat([found.drop(columns="n").reset_index(), means], ignore_index=True).rename(
        columns={"stands_for": "model"}
    )
    return found.assign(statistic=WORDS[statistic]).merge(known[["model", *ATTRIBUTES]], on="model")


def shown_scores(tables: Tables) -> pd.DataFrame:
    """Return the scores of networks, as `network_scores` does, by all methods that figures set side by side, with `method`."""
    methods = [row["method"] for row in shown_methods(tables)]
    return pd.concat([network_scores(tables, method).assign(method=method) for method in methods], ignore_index=True)


def over_areas(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of means over areas."""
    return scores[scores.area == OVER_AREAS]


def places(tables: Tables) -> list[str]:
    """Return the mean over areas, where there are several, and the areas in their order, as figures list them."""
    areas = areas_of(tables)
    return [OVER_AREAS] * (len(areas) > 1) + areas


def named(scores: pd.DataFrame, models: pd.DataFrame) -> list[str]:
    """Return the models of networks that a figure names, best first; see `evidence.leading`.

    Parameters
    ----------
    scores : by one method, from `network_scores`
    """
    means = over_areas(scores).set_index("model").score
    return leading(means, models[models.model.isin(means.index)])


def answers_at(tables: Tables, contrast: str) -> pd.DataFrame:
    """Return what the table `comparisons` says of a contrast by the methods shown, in each area and on average over areas."""
    told, columns = tables["comparisons"], ["method", "area", "estimate", "low", "high", "q", "n_pairs", "n_units", "unit"]
    rows = told[(told.contrast == contrast) & told.method.isin([row["method"] for row in shown_methods(tables)])]
    rows = rows[columns].dropna(subset="estimate")
    return rows.assign(area=rows.area.replace(WHOLE, OVER_AREAS))
