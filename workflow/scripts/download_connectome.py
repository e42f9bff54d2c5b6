"""Fetch one file of the voxel connectome."""

from dormouse.download import download
from dormouse.errors import log_to

log_to(snakemake.log[0])
download(snakemake.params.address, snakemake.output[0])
