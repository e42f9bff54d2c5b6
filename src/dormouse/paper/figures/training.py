"""The figure of loss and accuracy over training."""

import pandas as pd

from dormouse.paper.facts import Tables, run_facts
from dormouse.paper.figures.marks import counted
from dormouse.paper.figures.style import NotDrawn, panels, plt, sns

UNITS = {"loss": "cross-entropy, nats, mean over images", "accuracy": "accuracy, share of images"}


def data(tables: Tables) -> pd.DataFrame:
    """Return the table `training`."""
    if not len(tables["training"]):
        raise NotDrawn("this run trains no network; a model whose weights are `trained:RUN` would.")
    return tables["training"]


def plot(tables: Tables) -> plt.Figure:
    """Draw loss and accuracy of every run over its epochs, on training images (dashed) and test images."""
    history = data(tables)
    figure, (axes,) = panels(1, 2, height=2.6, style="whitegrid")
    for (run, rows), colour in zip(
        history.groupby("run"), sns.color_palette("colorblind", history.run.nunique()), strict=True
    ):
        for ax, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            n = counted(rows.epoch.max(), "epochs")
            ax.plot(rows.epoch, rows[f"test_{quantity}"], "o-", markersize=3, color=colour, label=f"{run}, {n}: test images")
            ax.plot(rows.epoch, rows[f"train_{quantity}"], "--", color=colour, label=f"{run}, {n}: training images")
            ax.set(xlabel="epoch", ylabel=UNITS[quantity])
            ax.xaxis.set_major_locator(plt.MaxNLocator(integer=True))
    axes[1].set_ylim(0, 1)
    figure.suptitle(f"{run_facts(tables['run'])['title']}: {counted(history.run.nunique(), 'training runs')}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure
