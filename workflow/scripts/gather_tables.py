"""Stack the parts of one table."""

from dormouse.run.job import begin
from dormouse.tables import read_tables, write_table

begin(snakemake)
write_table(snakemake.wildcards.table, read_tables(snakemake.wildcards.table, snakemake.input), snakemake.output[0])
