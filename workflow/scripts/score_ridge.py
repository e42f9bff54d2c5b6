"""Predict every neuron from every layer of a model."""

from operator import itemgetter

from dormouse.errors import log_to
from dormouse.features.kernels import read_kernel, read_layers
from dormouse.files import read_joined
from dormouse.methods.ridge import score
from dormouse.tables import write_by_area

log_to(snakemake.log[0])
params, paths = snakemake.params, snakemake.input.kernels
read = map(itemgetter("kernel"), map(read_kernel, paths))
kernels = {**read_layers(paths[0]), **dict(zip(params.predictors, read, strict=True))}
population = read_joined(snakemake.input.populations, axis=-1)
neurons, sites = score(kernels, population, params.predictors, params.penalty, params.min_neurons)
run = {"selection": params.selection, "model": snakemake.wildcards.model}
neurons, sites = neurons.assign(**run), sites.assign(**run)
write_by_area("neuron_scores", neurons.assign(preset=neurons.variant.map(params.preset)), snakemake.output.neurons)
write_by_area("scores", sites.assign(preset=sites.variant.map(params.preset)), snakemake.output.sites)
