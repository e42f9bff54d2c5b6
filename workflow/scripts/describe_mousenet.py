"""Write MouseNet's nodes and connections as tables."""

from dormouse.mousenet.anatomy import Options, describe, read_anatomy
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
nodes, connections = describe(read_anatomy(Options(**snakemake.params.options)))
write_table("nodes", nodes, snakemake.output.nodes)
write_table("connections", connections, snakemake.output.connections)
