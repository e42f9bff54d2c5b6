"""Which questions about networks are asked, and each as a contrast: a weight for the score of every network.

A contrast is the sum of the scores of networks times its weights: the mean of some less that of others, or the slope of scores
over a number. Two samples lie behind it. The networks are some of all that there might be, drawn by units such as families of
architectures, and the spread of units tells how far the answer holds for others. Their scores are those of some animals and
images, whose resamples all networks share (`resampled`). `estimates` puts both together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from dormouse.errors import InputError, suggest

NEEDED = {  # keys of a row, by its kind
    "pairs": ("first", "second", "pair_by"),
    "groups": ("compare",),
    "agreement": ("first", "second"),
    "covariates": ("covariates",),
}
DEFAULTS = {"among": {}, "unit": "family"}
FEWEST = 5  # units on each side of an answer; with fewer, there is none
BASELINE, RANDOM, NONE = "baseline", "random", "none"  # a source, and weights, of models
UNTRAINED = "@0"  # ends the name of weights before the first epoch
ROUNDING = 1e-9  # what is smaller, relative to what it is made from, is 0
SCALES = {"linear": np.asarray, "log10": np.log10}


def list_contrasts(table: Mapping[str, Mapping], config: Mapping) -> dict[str, dict]:
    """Return the rows of resources/contrasts.yaml and of the configuration, by name, each with all keys.

    Raises InputError for a name that is given twice, a row to leave out that is not there, or one without what its kind needs.
    """
    wanted, place = config["contrasts"], "config: contrasts"
    if double := sorted(table.keys() & wanted["add"].keys()):
        raise InputError(f"{place}.add: {double[0]} is already in resources/contrasts.yaml; choose another name.")
    rows = {**table, **wanted["add"]}
    for name in wanted["exclude"]:
        if name not in rows:
            raise InputError(f"{place}.exclude: unknown contrast {name!r}. {suggest(name, rows)}")
    for name, row in rows.items():
        needed = [*NEEDED[row["kind"]], *(f"{side}.method" for side in ("first", "second") if row["kind"] == "agreement")]
        for key in needed:
            part, _, inner = key.partition(".")
            if part not in row or (inner and inner not in row[part]):
                raise InputError(f"{place}.add.{name}: no key {key}, which the kind {row['kind']} needs. Add it.")
    return {name: DEFAULTS | dict(row) for name, row in rows.items() if name not in wanted["exclude"]}


def with_attributes(models: pd.DataFrame) -> pd.DataFrame:
    """Return the table `models` with the columns that rows of contrasts may name besides.

    state : trained, random or none, which baselines are. A network that is trained here is random before its first epoch
    network : name without the tag of its weights
    family : that of the table, or the network where none is stated
    """
    random = (models.weights == RANDOM) | models.weights.str.endswith(UNTRAINED)
    none = (models.weights == NONE) | (models.source == BASELINE)
    network = models.name.str.partition(".")[0]
    state = pd.Series("trained", models.index).mask(random, "random").mask(none, "none")
    return models.assign(state=state, network=network, family=models.family.mask(models.family == "", network))


def chosen(entries: pd.DataFrame, where: Mapping) -> np.ndarray:
    """Return which rows have one of the given values in every given column, (n,) bool."""
    found = np.ones(len(entries), bool)
    for column, values in where.items():
        found &= entries[column].isin([values] if isinstance(values, str) else values).to_numpy()
    return found


@dataclass
class Contrast:
    """An answer's weights.

    Attributes
    ----------
    first, second : what is compared, in words
    units : for each sample of units a matrix (n_units, n_entries): its rows times scores are the scores of units
    weights : (n_entries,), those of the contrast
    design : (n_units, n_covariates + 1) of a slope, the intercept first; `column`, the one that is asked for. None for means
    pairs : (n_pairs, n_entries), the differences of paired networks; None where nothing is paired
    """

    first: str
    second: str
    units: list[np.ndarray]
    weights: np.ndarray
    design: np.ndarray | None = None
    column: int = 0
    pairs: np.ndarray | None = None

    @property
    def few(self) -> bool:
        """Return whether there are too few units for an answer, or units that do not differ in what is asked."""
        if self.design is None:
            return min(map(len, self.units)) < FEWEST or np.abs(self.weights).max() < ROUNDING
        n, n_columns = self.design.shape
        return n < FEWEST + n_columns - 2 or np.linalg.matrix_rank(self.design) < n_columns


def contrasts_of(row: Mapping, entries: pd.DataFrame) -> list[Contrast]:
    """Return the contrasts that answer a row of kind pairs, groups or covariates.

    Parameters
    ----------
    entries : attributes of the networks that have a score, in the order of the scores
    """
    return {"pairs": _pairs, "groups": _groups, "covariates": _slopes}[row["kind"]](row, entries)


def _pairs(row: Mapping, entries: pd.DataFrame) -> list[Contrast]:
    """Return the mean difference of pairs: over twins within a pair, over pairs within a unit, over units."""
    first, second = (chosen(entries, row[side].get("where", {})) for side in ("first", "second"))
    others, unit, n = _groups_of(entries, second, row["pair_by"]), row["unit"], len(entries)
    pairs, units = [], []
    for (of_unit, *key), own in _groups_of(entries, first, [unit, *row["pair_by"]]).items():
        other = np.setdiff1d(others.get(tuple(key), []), own).astype(int)
        if len(other):
            pairs.append(_mean(own, n) - _mean(other, n))
            units.append(of_unit)
    pairs = np.array(pairs).reshape(-1, n)
    return [_of_means(row["first"]["label"], row["second"]["label"], [_averages(units) @ pairs], pairs)]


def _groups(row: Mapping, entries: pd.DataFrame) -> list[Contrast]:
    """Return for every two kinds of networks, one of which has enough units, the difference of their means over units."""
    among = chosen(entries, row["among"])
    kinds = [kind for kind in sorted(entries[row["compare"]][among].unique()) if kind not in ("", "None")]
    units = {kind: units_of(row, entries, among & (entries[row["compare"]] == kind).to_numpy()) for kind in kinds}
    asked = [pair for pair in combinations(kinds, 2) if max(len(units[kind]) for kind in pair) >= FEWEST]
    return [_of_means(a, b, [units[a], units[b]]) for a, b in asked]


def _slopes(row: Mapping, entries: pd.DataFrame) -> list[Contrast]:
    """Return for each covariate the slope of the scores of units, per standard deviation of the covariate over units."""
    names = list(row["covariates"])
    known = entries[names].notna().all(axis=1).to_numpy() & (entries[names] > 0).all(axis=1).to_numpy()
    units = units_of(row, entries, known & chosen(entries, row["among"]))
    values = np.stack(
        [SCALES[scale](entries[name].where(known, 1.0).to_numpy(float)) for name, scale in row["covariates"].items()]
    )
    X = units @ values.T
    sd = X.std(axis=0, ddof=1) if len(X) > 1 else np.ones(len(names))
    centred = X - X.sum(axis=0) / max(len(X), 1)
    scaled = np.where(sd > ROUNDING * np.abs(X).max(axis=0, initial=0), centred / np.where(sd > 0, sd, 1), 0)
    design = np.column_stack([np.ones(len(X)), scaled])
    solved = np.linalg.pinv(design) @ units
    return [Contrast(name, "", [units], solved[k], design, k) for k, name in enumerate(names, start=1)]


def units_of(row: Mapping, entries: pd.DataFrame, among: np.ndarray) -> np.ndarray:
    """Return the mean over the networks of each unit: over those of one network first, such as seeds, then over networks."""
    networks = _groups_of(entries, among, [row["unit"], "source", "network"])
    means = np.array([_mean(own, len(entries)) for own in networks.values()]).reshape(-1, len(entries))
    return _averages([unit for unit, *_ in networks]) @ means


def _groups_of(entries: pd.DataFrame, among: np.ndarray, by: Sequence[str]) -> dict[tuple, np.ndarray]:
    """Return the places of the chosen rows that have the same values in some columns, by these values."""
    found: dict[tuple, list[int]] = {}
    for place in np.flatnonzero(among):
        found.setdefault(tuple(entries[column].iloc[place] for column in by), []).append(place)
    return {key: np.array(places) for key, places in found.items()}


def _of_means(first: str, second: str, units: list[np.ndarray], pairs: np.ndarray | None = None) -> Contrast:
    """Return the mean over the first sample of units less that over the second, if there is one."""
    n = units[0].shape[1]
    means = [part.mean(axis=0) if len(part) else np.zeros(n) for part in units]
    return Contrast(first, second, units, means[0] - sum(means[1:]), pairs=pairs)


def _mean(places: np.ndarray, n: int) -> np.ndarray:
    """Return the weights (n,) of the mean over some places."""
    weights = np.zeros(n)
    weights[places] = 1 / len(places)
    return weights


def _averages(labels: Sequence) -> np.ndarray:
    """Return the matrix (n_labels, n) that averages over equal labels, in the order of their first."""
    codes, found = pd.factorize(np.array(labels, dtype=object))
    members = (codes == np.arange(len(found))[:, None]).astype(float)
    return members / np.maximum(members.sum(axis=1, keepdims=True), 1)
