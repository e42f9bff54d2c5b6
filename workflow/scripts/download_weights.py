"""Fetch one file of published weights."""

from dormouse.job import begin
from dormouse.models.weights import fetch_weights

begin(snakemake)
fetch_weights(snakemake.params.address, snakemake.params.sha256, snakemake.output[0])
