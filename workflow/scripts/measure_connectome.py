"""Measure MouseNet's nodes and connections in the voxel connectome: surface areas, widths and in-degrees."""

from pathlib import Path

from dormouse.files import write_tsv
from dormouse.mousenet.anatomy import read_measured
from dormouse.mousenet.connectome import measure
from dormouse.mousenet.connectome_files import read_connectome
from dormouse.run.job import begin

begin(snakemake)
known = read_measured("nodes", Path(snakemake.input.nodes[0]).parent)
connectome = read_connectome(Path(snakemake.input.files[0]).parent, known)
nodes, connections = measure(connectome, known, snakemake.wildcards.indexing)
write_tsv(snakemake.output.nodes, nodes)
write_tsv(snakemake.output.connections, connections)
