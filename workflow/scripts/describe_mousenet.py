"""Write MouseNet's nodes and connections as tables."""

from dormouse.mousenet.anatomy import Options, describe, read_anatomy
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
nodes, connections = describe(read_anatomy(Options(**snakemake.params.options)))
variant = snakemake.wildcards.variant
write_table("nodes", nodes.assign(variant=variant), snakemake.output.nodes)
write_table("connections", connections.assign(variant=variant), snakemake.output.connections)
