"""Stack the scores of all models and areas for the methods of one family."""

from dormouse.errors import log_to
from dormouse.tables import read_tables, write_table

log_to(snakemake.log[0])
write_table("scores", read_tables("scores", snakemake.input), snakemake.output[0])
