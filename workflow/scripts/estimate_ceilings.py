"""Estimate the noise ceilings of neurons and sites."""

from dormouse.ceilings import estimate
from dormouse.errors import log_to
from dormouse.stimuli import read_names
from dormouse.tables import read_table, write_table

log_to(snakemake.log[0])
neurons = read_table("neurons", snakemake.input.neurons)
table = estimate(
    snakemake.input.recordings,
    read_names(snakemake.input.stimuli),
    neurons[neurons.kept],
    snakemake.params.min_neurons,
    snakemake.params.n_splits,
    snakemake.params.seed,
)
write_table("ceilings", table, snakemake.output[0])
