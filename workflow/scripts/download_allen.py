"""Fetch one published file."""

from dormouse.download import download
from dormouse.recordings.allen import published_at
from dormouse.run.job import begin

begin(snakemake)
allen = snakemake.config["allen"]
download(published_at(snakemake.wildcards.file, allen["bucket"], allen["service"]), snakemake.output[0])
