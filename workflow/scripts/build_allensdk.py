"""Find or build a Python environment with AllenSDK."""

from dormouse.job import begin
from dormouse.recordings.sdk import build_environment

begin(snakemake)
build_environment(snakemake.params.pins, snakemake.params.python, snakemake.output[0])
