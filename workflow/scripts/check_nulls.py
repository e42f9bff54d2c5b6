"""Score noise and shuffled images by all methods: the run's check of itself."""

from dormouse.inference.null_check import check_nulls, scorers_of_check
from dormouse.methods.scores import read_targets
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_table

begin(snakemake)
given, params = snakemake.input, snakemake.params
targets = read_targets(given.targets, params.axis)
stimuli = read_hashes(given.stimuli)
scorers = scorers_of_check(given.noise, given.model, targets, params.methods, stimuli, params.min_neurons, params.seed)
write_table("null_check", check_nulls(scorers, **params.check, seed=params.seed), snakemake.output[0])
