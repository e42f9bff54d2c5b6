"""Predict every neuron of an area from every layer of a model."""

from dormouse.errors import log_to
from dormouse.files import read_arrays
from dormouse.ridge import VARIANTS, mean_over_neurons, score
from dormouse.tables import LAYER_ARRAYS, write_table

log_to(snakemake.log[0])
kernels = read_arrays(snakemake.input.kernels, *LAYER_ARRAYS, *VARIANTS)
table = score(kernels, read_arrays(snakemake.input.population), snakemake.params.penalty)
run = {"preset": snakemake.params.preset, "model": snakemake.wildcards.model}
write_table("neuron_scores", table.assign(**run), snakemake.output.neurons)
sites = mean_over_neurons(table, snakemake.params.min_neurons)
write_table("scores", sites.assign(**run), snakemake.output.sites)
