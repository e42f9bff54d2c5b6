"""Score one model by all methods of a family that read responses."""

from dormouse.methods.scores import basis, read_model, read_targets, score_responses
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_by_area

begin(snakemake)
params, stimuli = snakemake.params, read_hashes(snakemake.input.stimuli)
layers, kernels = read_model(snakemake.input.kernels, stimuli)
targets = read_targets(snakemake.input.targets, axis=-1)
neurons, sites = score_responses(layers, kernels, targets, params.methods, list(stimuli), params.min_neurons)
made_by = {"code": [params.code, params.family], "settings": [params.methods, params.min_neurons]}
rests_on = basis(snakemake.input.kernels, snakemake.input.targets, **made_by)
model = snakemake.wildcards.model
neurons = neurons.assign(model=model, differs=neurons.method.map(params.differs))
sites = sites.assign(model=model, differs=sites.method.map(params.differs))
write_by_area("neuron_scores", neurons, snakemake.output.neurons, rests_on)
write_by_area("scores", sites, snakemake.output.sites, rests_on)
