"""Draw the score of every model in every area, by one method."""

from dormouse.errors import log_to
from dormouse.paper.figures.scores import plot_scores
from dormouse.paper.figures.style import save
from dormouse.tables import read_table, read_tables

log_to(snakemake.log[0])
figure = plot_scores(
    read_table("best_layers", snakemake.input.best),
    read_tables("ceilings", snakemake.input.ceilings),
    read_table("models", snakemake.input.models),
    snakemake.params.method,
    snakemake.params.areas,
    snakemake.params.title,
)
save(figure, snakemake.output)
