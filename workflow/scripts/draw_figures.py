"""Draw the figures of a run from its tables."""

from pathlib import Path

from dormouse.paper.drawing import draw_figures
from dormouse.run.job import begin

begin(snakemake)
params, folder = snakemake.params, Path(snakemake.output.index).parent
draw_figures(params.table, params.figures, snakemake.input, folder, snakemake.threads)
