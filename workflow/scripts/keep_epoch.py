"""Give the weights of one epoch of a training run a name of their own."""

from dormouse.errors import log_to
from dormouse.files import link_or_copy

log_to(snakemake.log[0])
link_or_copy(snakemake.params.weights, snakemake.output[0])
