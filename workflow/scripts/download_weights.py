"""Fetch one file of published weights."""

from dormouse.errors import log_to
from dormouse.models.weights import fetch_weights

log_to(snakemake.log[0])
fetch_weights(snakemake.params.address, snakemake.params.sha256, snakemake.output[0])
