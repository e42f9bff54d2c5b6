"""Leave-one-out ridge from 4,096 columns to 6,619 neurons: against scikit-learn and himalaya.

python tests/benchmarks/ridge.py [--repeats N]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from himalaya.kernel_ridge import KernelRidgeCV
from himalaya.ridge import RidgeCV as PrimalRidgeCV
from himalaya.scoring import l2_neg_loss
from measure import contest, print_machine, print_table
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from dormouse.ridge import correlation, leave_one_out

N_IMAGES, N_COLUMNS, N_NEURONS, PENALTY, THREADS = 119, 4096, 6619, 1.0, 2


def dual(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return the mean squared error of left-out predictions of every neuron; the correlation is computed too."""
    predicted = leave_one_out(X @ X.T, Y, PENALTY)
    correlation(predicted, Y)
    return ((predicted - Y) ** 2).mean(axis=0)


def scikit_learn(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Do the same by scikit-learn's closed form."""
    fit = RidgeCV(alphas=[PENALTY], store_cv_results=True).fit(X, Y)  # without a scorer it stores squared errors
    return fit.cv_results_[..., 0].mean(axis=0)


def himalaya_kernel(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Do the same by himalaya's kernel ridge, whose cross-validation refits for every image."""
    params = {"score_func": l2_neg_loss, "n_targets_batch": None}
    fit = KernelRidgeCV([PENALTY], kernel="precomputed", cv=KFold(N_IMAGES), fit_intercept=True, solver_params=params)
    return -fit.fit(X @ X.T, Y).cv_scores_


def himalaya_primal(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Do the same by himalaya's ridge on the features."""
    fit = PrimalRidgeCV(
        [PENALTY], cv=KFold(N_IMAGES), fit_intercept=True, solver_params={"score_func": l2_neg_loss, "warn": False}
    )
    return -fit.fit(X, Y).cv_scores_


CONTENDERS = {
    "dormouse, dual form": dual,
    "scikit-learn RidgeCV": scikit_learn,
    "himalaya KernelRidgeCV": himalaya_kernel,
    "himalaya RidgeCV": himalaya_primal,
}


def one_run(contender: str, output: str) -> None:
    """Time one contender."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_IMAGES, N_COLUMNS))
    Y = X[:, :50] @ rng.standard_normal((50, N_NEURONS)) + 5 * rng.standard_normal((N_IMAGES, N_NEURONS))
    start = time.perf_counter()
    errors = CONTENDERS[contender](X, Y)
    seconds = time.perf_counter() - start
    Path(output).write_text(json.dumps({"seconds": seconds, "errors": np.asarray(errors).tolist()}))


def main() -> None:
    """Run all contenders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender; medians are printed (default 3)")
    arguments = parser.parse_args()
    print_machine("numpy", "scipy", "scikit-learn", "himalaya")
    results = contest(__file__, list(CONTENDERS), [], arguments.repeats, THREADS)
    title = (
        f"{N_IMAGES} images, {N_COLUMNS} columns, {N_NEURONS} neurons, penalty {PENALTY:g}, leave one out, {THREADS} threads"
    )
    print_table(title, results, "dormouse, dual form")
    ours = np.array(results["dormouse, dual form"]["errors"])
    differences = {name: np.abs(np.array(r["errors"]) / ours - 1).max() for name, r in results.items()}
    print("\nLargest relative difference of a neuron's squared error from ours:", end=" ")
    print(", ".join(f"{name} {difference:.1e}" for name, difference in list(differences.items())[1:]))


if __name__ == "__main__":
    one_run(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in CONTENDERS else main()
