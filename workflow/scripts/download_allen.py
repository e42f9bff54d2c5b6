"""Fetch one published file."""

from dormouse.download import download
from dormouse.errors import log_to
from dormouse.recordings.allen import published_at

log_to(snakemake.log[0])
allen = snakemake.config["allen"]
download(published_at(snakemake.wildcards.file, allen["bucket"], allen["service"]), snakemake.output[0])
