"""Fetch one file of published weights."""

from dormouse.models.weights import fetch_weights
from dormouse.run.job import begin

begin(snakemake)
fetch_weights(snakemake.params.address, snakemake.params.sha256, snakemake.output[0])
