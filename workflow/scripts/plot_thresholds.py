"""Draw the effect of the reliability threshold on populations."""

from dormouse.paper.figures.style import save
from dormouse.paper.figures.thresholds import plot_thresholds
from dormouse.run.job import begin
from dormouse.tables import read_table

begin(snakemake)
params, table = snakemake.params, read_table("thresholds", snakemake.input[0])
save(plot_thresholds(table, params.areas, params.min_reliability, params.title), snakemake.output)
