"""Let AllenSDK fetch one published file into its cache."""

from dormouse.errors import log_to
from dormouse.recordings.sdk import download

log_to(snakemake.log[0])
params = snakemake.params
download(snakemake.input[0], params.manifest, params.service, snakemake.wildcards.file, snakemake.output[0])
