"""Hold published numbers against those of the run."""

from dormouse.paper.replication import replicate
from dormouse.run.job import begin
from dormouse.tables import read_named, write_table
from dormouse.targets import READ

begin(snakemake)
write_table("replication", replicate(snakemake.params.targets, read_named(READ, snakemake.input)), snakemake.output[0])
