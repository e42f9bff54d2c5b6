"""The figure of loss and accuracy over training."""

import pandas as pd

from dormouse.paper.figures.style import plt, set_style, sns


def plot_training(history: pd.DataFrame) -> plt.Figure:
    """Draw loss and accuracy of every run over its epochs, on training images (dashed) and test images.

    Parameters
    ----------
    history : table `training`
    """
    set_style("whitegrid")
    figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    for (run, rows), colour in zip(
        history.groupby("run"), sns.color_palette("colorblind", history.run.nunique()), strict=True
    ):
        for ax, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            ax.plot(rows.epoch, rows[f"test_{quantity}"], "o-", markersize=3, color=colour, label=f"{run}, test")
            ax.plot(rows.epoch, rows[f"train_{quantity}"], "--", color=colour, label=f"{run}, training")
            ax.set(xlabel="epoch", ylabel={"loss": "cross-entropy", "accuracy": "accuracy"}[quantity])
            ax.xaxis.set_major_locator(plt.MaxNLocator(integer=True))
    axes[1].set_ylim(0, 1)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure
