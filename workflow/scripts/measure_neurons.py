"""Measure statistics of single recorded neurons over scenes."""

from dormouse.files import read_joined
from dormouse.neurons.unit_statistics import measure_neurons
from dormouse.run.job import begin
from dormouse.stimuli.images import read_names
from dormouse.tables import write_table

begin(snakemake)
params, population = snakemake.params, read_joined(snakemake.input.populations, axis=-1)
units = measure_neurons(population, read_names(snakemake.input.stimuli), params.seed, params.negative)
write_table("units", units.assign(model=""), snakemake.output[0])
