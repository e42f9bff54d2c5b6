"""Gather the checks of all networks in a table, and print it."""

from dormouse.features.zoo_check import summary, zoo_table
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
table = zoo_table(snakemake.params.models, snakemake.input)
write_table("zoo", table, snakemake.output[0])
print(summary(table))
