"""Predict every neuron from every layer of a model."""

from dormouse.errors import log_to
from dormouse.features.kernels import read_kernels
from dormouse.files import read_joined
from dormouse.methods.ridge import score
from dormouse.tables import LAYER_ARRAYS, write_by_area

log_to(snakemake.log[0])
params = snakemake.params
kernels = read_kernels(snakemake.input.kernels, *LAYER_ARRAYS, *params.predictors)
population = read_joined(snakemake.input.populations, axis=-1)
neurons, sites = score(kernels, population, params.predictors, params.penalty, params.min_neurons)
run = {"selection": params.selection, "model": snakemake.wildcards.model}
neurons, sites = neurons.assign(**run), sites.assign(**run)
write_by_area("neuron_scores", neurons.assign(preset=neurons.variant.map(params.preset)), snakemake.output.neurons)
write_by_area("scores", sites.assign(preset=sites.variant.map(params.preset)), snakemake.output.sites)
