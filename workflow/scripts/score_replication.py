"""Hold published numbers against those of the run."""

from dormouse.paper.replication import READ, replicate
from dormouse.run.job import begin
from dormouse.tables import read_named, write_table

begin(snakemake)
write_table("replication", replicate(snakemake.params.targets, read_named(READ, snakemake.input)), snakemake.output[0])
