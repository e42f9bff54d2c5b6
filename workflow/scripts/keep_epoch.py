"""Copy the weights of one epoch of a training run to a file of their own."""

from dormouse.errors import log_to
from dormouse.training.epoch_files import hand_out

log_to(snakemake.log[0])
hand_out(snakemake.params.weights, snakemake.output[0])
