"""Draw the score of every model in every area, by one method."""

from dormouse.paper.figures.scores import plot_scores
from dormouse.paper.figures.style import save
from dormouse.run.job import begin
from dormouse.tables import read_table, read_tables

begin(snakemake)
figure = plot_scores(
    read_table("best_layers", snakemake.input.best),
    read_tables("ceilings", snakemake.input.ceilings),
    read_table("models", snakemake.input.models),
    read_table("intervals", snakemake.input.intervals),
    read_table("permutation_tests", snakemake.input.tests),
    snakemake.params.method,
    snakemake.params.areas,
    snakemake.params.title,
)
save(figure, snakemake.output)
