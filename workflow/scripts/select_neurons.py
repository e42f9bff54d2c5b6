"""Keep the reliable neurons of all recordings, and say why the others are left out."""

from dormouse.errors import log_to
from dormouse.reliability import select
from dormouse.tables import read_tables, write_table

log_to(snakemake.log[0])
table = read_tables("reliability", snakemake.input)
params = snakemake.params
write_table("neurons", select(table, params.areas, params.min_reliability, params.min_neurons), snakemake.output[0])
