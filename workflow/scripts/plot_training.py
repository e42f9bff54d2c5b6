"""Draw loss and accuracy of every training run over its epochs."""

from dormouse.paper.figures.style import save
from dormouse.paper.figures.training import plot_training
from dormouse.run.job import begin
from dormouse.tables import read_tables

begin(snakemake)
save(plot_training(read_tables("training", snakemake.input)), snakemake.output)
