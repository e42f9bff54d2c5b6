"""Fetch the published events of one recording."""

from dormouse.download import download
from dormouse.errors import log_to
from dormouse.recordings.allen import events_address

log_to(snakemake.log[0])
address = events_address(snakemake.config["allen"]["service"], snakemake.input[0], snakemake.wildcards.recording)
download(address, snakemake.output[0])
