"""The figure of scores over accuracy during training."""

from collections.abc import Mapping

import pandas as pd

from dormouse.paper.figures.style import heading, plt, set_style, sns
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import whole_areas


def plot_trajectory(
    best: pd.DataFrame, models: pd.DataFrame, history: pd.DataFrame, method: Mapping, areas: list[str], title: str
) -> plt.Figure:
    """Draw the score of the best layer in every area over accuracy, for networks that were trained here.

    Parameters
    ----------
    best, models, history : tables `best_layers`, `models` and `training`; weights are named trained:RUN or trained:RUN@EPOCH.
        For an area that the data set has only in parts, their mean is shown
    method : row of the table of methods, with its name as `method`
    areas : order of the lines
    """
    models = models[models.stimulus_set == ORIGINAL]
    told = models.weights.str.extract(r"^trained:(?P<run>[^@]+)@?(?P<epoch>\d*)$")
    last = history.groupby("run").epoch.max()
    epoch = pd.to_numeric(told.epoch).fillna(told.run.map(last))
    trained = models[["model"]].assign(run=told.run, epoch=epoch).dropna().astype({"epoch": int})
    scores = whole_areas(best[best.method == method["method"]]).merge(trained, on="model")
    shown = scores.merge(history, on=["run", "epoch"]).groupby(["run", "area", "epoch"], as_index=False)
    shown = shown[["test_accuracy", "score"]].mean()
    runs = sorted(trained.run.unique())
    set_style("whitegrid")
    figure, axes = plt.subplots(
        1, len(runs), figsize=(1 + 3.5 * len(runs), 3.2), sharey=True, squeeze=False, layout="constrained"
    )
    for run, ax in zip(runs, axes[0], strict=True):
        for area, colour in zip(areas, sns.color_palette("colorblind", len(areas)), strict=True):
            line = shown[(shown.run == run) & (shown.area == area)].sort_values("epoch")
            ax.plot(line.test_accuracy, line.score, "o-", markersize=3, color=colour, label=area)
        ax.set(title=run, xlabel="accuracy on test images")
    axes[0, 0].set_ylabel(method["label"])
    figure.suptitle(heading(title, "score over accuracy", scores))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure
