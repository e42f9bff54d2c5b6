"""Pool the kept neurons of an area, averaged over all and the first trials, and compute the RDMs of its sites."""

from dormouse.files import write_arrays
from dormouse.neurons.populations import pool, site_rdms
from dormouse.recordings.trials import Recordings
from dormouse.run.job import begin
from dormouse.stimuli.images import read_names
from dormouse.tables import read_table

begin(snakemake)
neurons, stimuli = read_table("neurons", snakemake.input.neurons), read_names(snakemake.input.stimuli)
kept = neurons[neurons.kept & (neurons.area == snakemake.wildcards.area)]
recordings = Recordings(snakemake.input.recordings, kept.recording, stimuli, snakemake.params.score_on)
population = pool(recordings, kept)
write_arrays(snakemake.output.trials, {"first": population.pop("first")})
write_arrays(snakemake.output.population, population)
write_arrays(snakemake.output.rdms, site_rdms(population, snakemake.params.min_neurons))
