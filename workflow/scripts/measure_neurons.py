"""Measure what single recorded neurons do, over scenes."""

from dormouse.errors import log_to
from dormouse.files import read_joined
from dormouse.physiology import measure_population
from dormouse.stimuli import read_names
from dormouse.tables import write_table

log_to(snakemake.log[0])
population = read_joined(snakemake.input.populations, axis=-1)
units = measure_population(population, read_names(snakemake.input.stimuli), snakemake.params.seed)
write_table("units", units.assign(model=""), snakemake.output[0])
