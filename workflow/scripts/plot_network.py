"""Draw MouseNet's nodes and connections."""

from dormouse.paper.figures.network import plot_network
from dormouse.paper.figures.style import save
from dormouse.run.job import begin
from dormouse.tables import read_table

begin(snakemake)
nodes = read_table("nodes", snakemake.input.nodes)
save(plot_network(nodes, read_table("connections", snakemake.input.connections)), snakemake.output)
