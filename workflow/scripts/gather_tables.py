"""Stack the parts of one table."""

from dormouse.errors import log_to
from dormouse.tables import read_tables, write_table

log_to(snakemake.log[0])
write_table(snakemake.wildcards.table, read_tables(snakemake.wildcards.table, snakemake.input), snakemake.output[0])
