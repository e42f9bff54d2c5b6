"""Ridge from 4,096 columns to 6,619 neurons, leave one out and in folds: against scikit-learn and himalaya.

python tests/benchmarks/ridge.py [--repeats N] [--threads N] [--workloads NAME ...]

All contenders start from the features. Each gives Pearson r for every neuron, with every penalty (`loo`) or with the best one,
which it also gives (`folds`, `nested`). The peers make one fit more, to all stimuli: they offer no way to leave it out.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from himalaya.kernel_ridge import KernelRidgeCV
from himalaya.ridge import RidgeCV as PrimalRidgeCV
from himalaya.scoring import l2_neg_loss
from measure import contest, print_machine, print_table
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from dormouse.methods.ridge import correlation, leave_one_out_r, make_folds, nested

N_IMAGES, N_COLUMNS, N_NEURONS, N_FOLDS = 119, 4096, 6619, 5
PENALTIES = {"1": np.array([1.0]), "7": np.logspace(-1, 5, 7)}
FOLDS = make_folds(N_IMAGES, N_FOLDS, seed=0)


def fit_kernel(X: np.ndarray, Y: np.ndarray, penalties: np.ndarray, cv: object, score: Callable) -> KernelRidgeCV:
    """Fit himalaya's ridge on the kernel, all neurons at once as is its default; batches of 500 are 15 % faster in folds."""
    model = KernelRidgeCV(penalties, kernel="precomputed", cv=cv, fit_intercept=True, solver_params={"score_func": score})
    return model.fit(X @ X.T, Y)


def fit_primal(X: np.ndarray, Y: np.ndarray, penalties: np.ndarray, cv: object, score: Callable) -> PrimalRidgeCV:
    """Fit himalaya's ridge on the features."""
    params = {"score_func": score, "warn": False}
    return PrimalRidgeCV(penalties, cv=cv, fit_intercept=True, solver_params=params).fit(X, Y)


def loo_dormouse(X: np.ndarray, Y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Return r of left-out predictions, (n_penalties, n_neurons)."""
    return leave_one_out_r([X @ X.T], Y, penalties)[0]


def loo_scikit_learn(X: np.ndarray, Y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Do the same by scikit-learn's closed form, which stores predictions where it is given a scorer."""
    fit = RidgeCV(alphas=penalties, scoring="neg_mean_squared_error", store_cv_results=True).fit(X, Y)
    return np.stack([correlation(predicted, Y) for predicted in np.moveaxis(fit.cv_results_, -1, 0)])


def loo_himalaya(fit: Callable, X: np.ndarray, Y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Do the same by himalaya, which refits for every image and shows the residuals only to its score function."""
    residuals = []

    def score(responses: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        residuals.append((responses - predicted)[:, 0])
        return l2_neg_loss(responses, predicted)

    fit(X, Y, penalties, KFold(N_IMAGES), score)
    return np.stack([correlation(Y - residual, Y) for residual in np.stack(residuals, axis=1)])


def nested_dormouse(X: np.ndarray, Y: np.ndarray, penalties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean r over folds for penalties chosen within the other folds, (n_neurons,), and these, (n_folds, ...)."""
    r, _, chosen = nested([X @ X.T], Y, penalties, FOLDS)
    return r.mean(axis=0)[0], chosen[:, 0]


def nested_scikit_learn(X: np.ndarray, Y: np.ndarray, penalties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Do the same by scikit-learn, which has the closed form for leaving one out."""
    r, chosen = np.zeros(N_NEURONS), []
    for fold in range(N_FOLDS):
        fit, held_out = fold != FOLDS, fold == FOLDS
        model = RidgeCV(penalties, alpha_per_target=True).fit(X[fit], Y[fit])
        r += correlation(model.predict(X[held_out]), Y[held_out]) / N_FOLDS
        chosen.append(model.alpha_)
    return r, np.stack(chosen)


def by(function: Callable, method: Callable) -> Callable:
    """Return a contender: the function with one of a peer's fits."""
    return lambda X, Y, penalties: function(method, X, Y, penalties)


LOO = {
    "dormouse": loo_dormouse,
    "scikit-learn RidgeCV": loo_scikit_learn,
    "himalaya KernelRidgeCV": by(loo_himalaya, fit_kernel),
}
NESTED = {"dormouse": nested_dormouse, "scikit-learn RidgeCV": nested_scikit_learn}
WORKLOADS = {  # title, contenders, penalties
    # himalaya's ridge on the features takes minutes with 7 penalties
    "loo-1": ("leave one out, 1 penalty", LOO | {"himalaya RidgeCV": by(loo_himalaya, fit_primal)}, "1"),
    "loo-7": ("leave one out, 7 penalties", LOO, "7"),
    "nested": ("5 folds, 7 penalties, that of each neuron by leave one out in the other folds", NESTED, "7"),
}


def one_run(contender: str, output: str, workload: str) -> None:
    """Time one contender."""
    _, contenders, penalties = WORKLOADS[workload]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_IMAGES, N_COLUMNS))
    Y = X[:, :50] @ rng.standard_normal((50, N_NEURONS)) + 5 * rng.standard_normal((N_IMAGES, N_NEURONS))
    start = time.perf_counter()
    found = contenders[contender](X, Y, PENALTIES[penalties])
    seconds = time.perf_counter() - start
    r, chosen = found if isinstance(found, tuple) else (found, np.zeros(1))
    Path(output).write_text(json.dumps({"seconds": seconds, "r": r.tolist(), "chosen": chosen.tolist()}))


def main() -> None:
    """Run all contenders and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contender; medians are printed (default 5)")
    parser.add_argument("--threads", type=int, default=2, help="of BLAS (default 2)")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), help="(default all)")
    arguments = parser.parse_args()
    print_machine("numpy", "scipy", "scikit-learn", "himalaya")
    print(f"{N_IMAGES} images, {N_COLUMNS} columns, {N_NEURONS} neurons, {arguments.threads} threads")
    for workload in arguments.workloads:
        title, contenders, _ = WORKLOADS[workload]
        results = contest(__file__, list(contenders), [workload], arguments.repeats, arguments.threads)
        print_table(title, results, "dormouse")
        ours = {key: np.array(results["dormouse"][key]) for key in ("r", "chosen")}
        print("\nLargest difference of r from ours, and share of other penalties chosen:")
        for name, result in list(results.items())[1:]:
            difference = np.abs(np.array(result["r"]) - ours["r"]).max()
            # himalaya returns a penalty as exp(log(penalty))
            others = ~np.isclose(result["chosen"], ours["chosen"], rtol=1e-9, atol=0)
            print(f"- {name}: {difference:.1e}, {others.mean():.2%}")


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if len(sys.argv) == 4 and sys.argv[3] in WORKLOADS else main()
