"""Measure what single recorded neurons do, over scenes."""

from dormouse.errors import log_to
from dormouse.files import read_joined
from dormouse.physiology import measure_population
from dormouse.stimuli import read_names
from dormouse.tables import write_table

log_to(snakemake.log[0])
params, population = snakemake.params, read_joined(snakemake.input.populations, axis=-1)
units = measure_population(population, read_names(snakemake.input.stimuli), params.seed, params.negative)
write_table("units", units.assign(model=""), snakemake.output[0])
