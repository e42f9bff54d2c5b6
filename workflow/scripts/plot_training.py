"""Draw loss and accuracy of every training run over its epochs."""

from dormouse.errors import log_to
from dormouse.figures import plot_training, save
from dormouse.tables import read_tables

log_to(snakemake.log[0])
save(plot_training(read_tables("training", snakemake.input)), snakemake.output)
