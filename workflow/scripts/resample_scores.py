"""Find out what the scores of one model by the methods of a family are worth."""

from dormouse.files import write_arrays
from dormouse.inference.assessment import assess
from dormouse.inference.scorers import scorers
from dormouse.methods.scores import basis, read_model, read_targets
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_table

begin(snakemake)
params, stimuli, model = snakemake.params, read_hashes(snakemake.input.stimuli), snakemake.wildcards.model
layers, kernels = read_model(snakemake.input.kernels, stimuli)
targets = read_targets(snakemake.input.targets, params.axis)
given = scorers(kernels, targets, params.methods, list(stimuli), params.min_neurons)
choices, animals, arrays = assess(layers, given, params.splits, params.resampling, params.n_permutations)
made_by = {"code": [params.code, params.family], "settings": [params.methods, params.min_neurons]}
rests_on = basis(snakemake.input.kernels, snakemake.input.targets, **made_by)
choices = choices.assign(model=model, differs=choices.method.map(params.differs))
animals = animals.assign(model=model, differs=animals.method.map(params.differs))
write_table("layer_choices", choices, snakemake.output.choices, rests_on)
write_table("animal_scores", animals, snakemake.output.animals, rests_on)
write_arrays(snakemake.output.resamples, arrays)
