"""Draw the scores of networks in recorded areas over their training."""

from dormouse.paper.figures.style import save
from dormouse.paper.figures.trajectory import plot_trajectory
from dormouse.run.job import begin
from dormouse.tables import read_table, read_tables

begin(snakemake)
figure = plot_trajectory(
    read_table("best_layers", snakemake.input.best),
    read_table("models", snakemake.input.models),
    read_tables("training", snakemake.input.histories),
    snakemake.params.method,
    snakemake.params.areas,
    snakemake.params.title,
)
save(figure, snakemake.output)
