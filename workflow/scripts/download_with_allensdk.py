"""Let AllenSDK fetch one published file into its cache."""

from dormouse.errors import log_to
from dormouse.recordings.sdk import download

log_to(snakemake.log[0])
allen = snakemake.config["allen"]
download(snakemake.input[0], allen["manifest"], allen["service"], snakemake.wildcards.file, snakemake.output[0])
