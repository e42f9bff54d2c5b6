"""Fetch one file of the voxel connectome."""

from dormouse.download import download
from dormouse.run.job import begin

begin(snakemake)
download(snakemake.params.address, snakemake.output[0])
