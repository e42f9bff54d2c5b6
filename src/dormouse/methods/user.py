"""Methods that a user adds: functions that are called for one site at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from dormouse.errors import InputError
from dormouse.models.user import failure, import_function, user_code, watched


@contextmanager
def called(row: Mapping) -> Iterator[Callable]:
    """Give the function of a row as score(kernels, target).

    The user's function receives the kernels described in `methods.table`, the RDM (n_images, n_images) or the mean responses
    (n_images, n_neurons) of one site, and the settings of the row. The arrays are read-only. It returns a score for each
    layer, (n_layers,), or for each layer and neuron, (n_layers, n_neurons).

    Raises InputError if it cannot be called, fails, returns something else, or reaches code or files that are not named.
    """

    def score(kernels: Mapping[str, np.ndarray], target: np.ndarray) -> np.ndarray:
        given = {name: _read_only(values) for name, values in kernels.items()}
        try:
            found = function(given, _read_only(target), dict(row["settings"]))
        except (Exception, SystemExit) as error:
            raise InputError(f"{row['name']}: {failure(error)}") from error
        try:
            values = np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{row['name']}: gave {type(found).__name__}, expected an array of scores ({error}).") from error
        n_layers = len(kernels["n_features"])
        if values.ndim not in (1, 2) or len(values) != n_layers or np.isinf(values).any():
            what = "infinite scores" if np.isinf(values).any() else f"scores of shape {values.shape}"
            raise InputError(f"{row['name']}: gave {what}, expected one finite score (or NaN) for each of {n_layers} layers.")
        return values

    with watched({**row, "file": None, "code": user_code(row["name"])}):
        function = import_function(row["name"])
        yield score


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def of_each_rdm(row: Mapping, kernels: Mapping[str, np.ndarray], rdms: np.ndarray) -> np.ndarray:
    """Return the scores that a user's function gives for the RDM of each site, (n_layers, n_sites)."""
    with called(row) as score:
        return np.stack([score(kernels, rdm) for rdm in rdms], axis=1)


def of_each_site(
    row: Mapping, kernels: Mapping[str, np.ndarray], responses: np.ndarray, inside: np.ndarray, min_neurons: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return its scores for the responses of each site, and the number of neurons behind them, each (n_layers, n_sites).

    Parameters
    ----------
    inside : (n_sites, n_neurons) bool, the neurons of each site
    min_neurons : sites with fewer neurons get NaN

    If the function scores each neuron, a site's score is the mean over neurons that have a score.
    """
    n_layers = len(kernels["n_features"])
    values, counts = np.full((n_layers, len(inside)), np.nan), np.repeat(inside.sum(axis=1)[None], n_layers, axis=0)
    with called(row) as score:
        for site in np.flatnonzero(inside.sum(axis=1) >= min_neurons):
            found = score(kernels, responses[:, inside[site]])
            if found.ndim == 2:
                scored = ~np.isnan(found)
                counts[:, site], sums = scored.sum(axis=1), np.where(scored, found, 0.0).sum(axis=1)
                found = np.divide(sums, counts[:, site], out=np.full(n_layers, np.nan), where=scored.any(axis=1))
            values[:, site] = found
    return values, counts
