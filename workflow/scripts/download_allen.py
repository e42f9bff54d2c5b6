"""Fetch one published file."""

from dormouse.errors import log_to
from dormouse.recordings.allen import download

log_to(snakemake.log[0])
download(snakemake.params.address, snakemake.output[0])
