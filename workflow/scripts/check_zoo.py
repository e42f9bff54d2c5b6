"""Gather the checks of all networks in a table, and print it."""

from dormouse.errors import log_to
from dormouse.features.zoo_check import summary, zoo_table
from dormouse.tables import write_table

log_to(snakemake.log[0])
table = zoo_table(snakemake.params.models, snakemake.input)
write_table("zoo", table, snakemake.output[0])
print(summary(table))
