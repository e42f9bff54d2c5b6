"""Made-up features and responses for tests of ridge regression, and predictions by refits of scikit-learn."""

import numpy as np
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge


def make_data(n_features: int, seed: int, n_stimuli: int = 40, n_neurons: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_stimuli, n_features)) + rng.standard_normal(n_features)
    return X, rng.standard_normal((n_stimuli, n_neurons)) + rng.standard_normal(n_neurons)


def predict_by_refits(X: np.ndarray, Y: np.ndarray, penalty: float) -> np.ndarray:
    predicted = np.empty_like(Y)
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        predicted[i] = Ridge(penalty, solver="svd").fit(X[others], Y[others]).predict(X[i : i + 1])[0]
    return predicted


def correlate(predicted: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.array([pearsonr(predicted[:, i], Y[:, i]).statistic for i in range(Y.shape[1])])


def predict_fold(X: np.ndarray, Y: np.ndarray, penalty: float, test: np.ndarray) -> np.ndarray:
    return Ridge(penalty, solver="svd").fit(X[~test], Y[~test]).predict(X[test]).reshape(-1, Y.shape[1])


def fold_r_by_refits(X: np.ndarray, Y: np.ndarray, penalty: float, folds: np.ndarray) -> np.ndarray:
    parts = [correlate(predict_fold(X, Y, penalty, folds == fold), Y[folds == fold]) for fold in np.unique(folds)]
    return np.mean(parts, axis=0)
