"""Find or build a Python environment with AllenSDK."""

from dormouse.errors import log_to
from dormouse.recordings.sdk import build_environment

log_to(snakemake.log[0])
build_environment(snakemake.params.pins, snakemake.params.python, snakemake.output[0])
