"""Compare each animal's areas with the same and with other areas of other animals, by the methods of one family."""

from dormouse.inference.specificity import measure_specificity
from dormouse.methods.scores import read_targets
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_table

begin(snakemake)
given, params = snakemake.input, snakemake.params
targets, stimuli = read_targets(given.targets, -1), list(read_hashes(given.stimuli))
found = measure_specificity(targets, params.methods, stimuli, params.min_neurons)
write_table("specificity", found.assign(differs=found.method.map(params.differs)), snakemake.output[0])
