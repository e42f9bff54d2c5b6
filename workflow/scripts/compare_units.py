"""Gather units and neurons, and measure the distances between their distributions."""

from dormouse.errors import log_to
from dormouse.inference.unit_distances import distances
from dormouse.tables import read_tables, write_table

log_to(snakemake.log[0])
units = read_tables("units", snakemake.input)
write_table("units", units, snakemake.output.units)
write_table("unit_distances", distances(units), snakemake.output.distances)
