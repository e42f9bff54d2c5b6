"""Fetch the published events of one recording."""

from dormouse.download import download
from dormouse.job import begin
from dormouse.recordings.allen import events_address

begin(snakemake)
address = events_address(snakemake.config["allen"]["service"], snakemake.input[0], snakemake.wildcards.recording)
download(address, snakemake.output[0])
