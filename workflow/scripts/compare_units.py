"""Gather units and neurons, and measure the distances between their distributions."""

from dormouse.inference.unit_distances import distances
from dormouse.run.job import begin
from dormouse.tables import read_tables, write_table

begin(snakemake)
units = read_tables("units", snakemake.input)
write_table("units", units, snakemake.output.units)
write_table("unit_distances", distances(units), snakemake.output.distances)
