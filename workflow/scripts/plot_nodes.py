"""Draw the score of every node of MouseNet in every recorded area."""

from dormouse.paper.figures.nodes import plot_nodes
from dormouse.paper.figures.style import save
from dormouse.run.job import begin
from dormouse.tables import read_table, read_tables

begin(snakemake)
figure = plot_nodes(
    read_table("scores", snakemake.input.scores),
    read_tables("ceilings", snakemake.input.ceilings),
    read_table("models", snakemake.input.models),
    snakemake.params.method,
    snakemake.params.areas,
    snakemake.params.title,
)
save(figure, snakemake.output)
