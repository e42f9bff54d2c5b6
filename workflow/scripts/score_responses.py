"""Score one model by all methods of a family that read responses."""

from dormouse.errors import log_to
from dormouse.methods.scores import read_model, read_targets, score_responses
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_by_area

log_to(snakemake.log[0])
params, stimuli = snakemake.params, read_hashes(snakemake.input.stimuli)
layers, kernels = read_model(snakemake.input.kernels, stimuli)
targets = read_targets(snakemake.input.targets, axis=-1)
neurons, sites = score_responses(layers, kernels, targets, params.methods, list(stimuli), params.min_neurons)
run = {"model": snakemake.wildcards.model}
write_by_area("neuron_scores", neurons.assign(**run, differs=neurons.method.map(params.differs)), snakemake.output.neurons)
write_by_area("scores", sites.assign(**run, differs=sites.method.map(params.differs)), snakemake.output.sites)
