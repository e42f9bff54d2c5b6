"""Let AllenSDK fetch one published file into its cache."""

from dormouse.recordings.sdk import download
from dormouse.run.job import begin

begin(snakemake)
allen = snakemake.config["allen"]
download(snakemake.input[0], allen["manifest"], allen["service"], snakemake.wildcards.file, snakemake.output[0])
