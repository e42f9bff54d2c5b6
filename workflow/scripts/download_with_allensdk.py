"""Let AllenSDK fetch one published file into its cache."""

from dormouse.job import begin
from dormouse.recordings.sdk import download

begin(snakemake)
allen = snakemake.config["allen"]
download(snakemake.input[0], allen["manifest"], allen["service"], snakemake.wildcards.file, snakemake.output[0])
