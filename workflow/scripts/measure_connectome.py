"""Measure surface areas, widths and in-degrees of MouseNet's populations in the voxel connectome."""

from pathlib import Path

from dormouse.errors import log_to
from dormouse.files import write_tsv
from dormouse.mousenet.anatomy import read_measured
from dormouse.mousenet.connectome import measure
from dormouse.mousenet.voxels import read_connectome

log_to(snakemake.log[0])
known = read_measured("populations", Path(snakemake.input.populations[0]).parent)
connectome = read_connectome(Path(snakemake.input.files[0]).parent, known)
populations, projections = measure(connectome, known, snakemake.wildcards.indexing)
write_tsv(snakemake.output.populations, populations)
write_tsv(snakemake.output.projections, projections)
