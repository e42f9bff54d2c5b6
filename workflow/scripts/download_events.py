"""Fetch the published events of one recording."""

from dormouse.download import download
from dormouse.recordings.allen import events_address
from dormouse.run.job import begin

begin(snakemake)
address = events_address(snakemake.config["allen"]["service"], snakemake.input[0], snakemake.wildcards.recording)
download(address, snakemake.output[0])
