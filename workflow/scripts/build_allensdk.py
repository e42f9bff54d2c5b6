"""Find or build a Python environment with AllenSDK."""

from dormouse.recordings.sdk import build_environment
from dormouse.run.job import begin

begin(snakemake)
build_environment(snakemake.params.pins, snakemake.params.python, snakemake.output[0])
