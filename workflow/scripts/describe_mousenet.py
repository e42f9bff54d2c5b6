"""Write MouseNet's populations and projections as tables."""

from dormouse.errors import log_to
from dormouse.mousenet.anatomy import Options, describe, read_anatomy
from dormouse.tables import write_table

log_to(snakemake.log[0])
populations, projections = describe(read_anatomy(Options(**snakemake.params.options)))
write_table("populations", populations, snakemake.output.populations)
write_table("projections", projections, snakemake.output.projections)
