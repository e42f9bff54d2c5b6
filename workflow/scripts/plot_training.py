"""Draw loss and accuracy of every training run over its epochs."""

from dormouse.errors import log_to
from dormouse.paper.figures.style import save
from dormouse.paper.figures.training import plot_training
from dormouse.tables import read_tables

log_to(snakemake.log[0])
save(plot_training(read_tables("training", snakemake.input)), snakemake.output)
