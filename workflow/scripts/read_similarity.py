"""Read the similarity matrices of one area as RDMs."""

from dormouse.files import write_arrays
from dormouse.recordings.dataset_folder import read_similarity
from dormouse.run.job import begin

begin(snakemake)
write_arrays(snakemake.output[0], read_similarity(snakemake.input[0], snakemake.wildcards.area))
