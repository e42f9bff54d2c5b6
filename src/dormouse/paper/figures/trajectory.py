"""The figure of scores over accuracy during training."""

import pandas as pd

from dormouse.paper.facts import Tables, areas_of, method_row, run_facts
from dormouse.paper.figures.marks import counted
from dormouse.paper.figures.style import DOUBLE_IN, SINGLE_IN, NotDrawn, area_colours, heading, panels, plt
from dormouse.stimuli.images import ORIGINAL
from dormouse.tables import whole_areas


def data(tables: Tables, method: str) -> pd.DataFrame:
    """Return the score of the best layer in every area, and the accuracy, of every epoch of a training run here.

    Weights are named trained:RUN or trained:RUN@EPOCH. For an area that the data set has only in parts, their mean is given.
    """
    best, models, history = (tables[name] for name in ("best_layers", "models", "training"))
    models = models[models.stimulus_set == ORIGINAL]
    told = models.weights.str.extract(r"^trained:(?P<run>[^@]+)@?(?P<epoch>\d*)$")
    last = history.groupby("run").epoch.max()
    epoch = pd.to_numeric(told.epoch).fillna(told.run.map(last))
    trained = models[["model"]].assign(run=told.run, epoch=epoch).dropna().astype({"epoch": int})
    scores = whole_areas(best[best.method == method]).merge(trained, on="model")
    shown = scores.merge(history, on=["run", "epoch"]).groupby(["run", "area", "epoch"], as_index=False)
    shown = shown[["test_accuracy", "score"]].mean()
    if not len(shown):
        raise NotDrawn("no network of this run was trained by it (`training`).")
    return shown


def plot(tables: Tables, method: str) -> plt.Figure:
    """Draw the score of the best layer in every area over accuracy, for networks that were trained here."""
    shown, row, best = data(tables, method), method_row(tables, method), tables["best_layers"]
    runs, areas = sorted(shown.run.unique()), areas_of(tables)
    figure, axes = panels(1, len(runs), SINGLE_IN if len(runs) == 1 else DOUBLE_IN, 2.6, style="whitegrid", sharey=True)
    for run, ax in zip(runs, axes[0], strict=True):
        for area, colour in area_colours(areas).items():
            line = shown[(shown.run == run) & (shown.area == area)].sort_values("epoch")
            ax.plot(line.test_accuracy, line.score, "o-", markersize=3, color=colour, label=area)
        ax.set(title=run, xlabel="accuracy on test images")
    axes[0, 0].set_ylabel(f"score, {row['label']}")
    what = f"score over accuracy, {counted(len(shown[['run', 'epoch']].drop_duplicates()), 'epochs')}"
    figure.suptitle(heading(run_facts(tables["run"])["title"], what, best[best.method == method]))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure
