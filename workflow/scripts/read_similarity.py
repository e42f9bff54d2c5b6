"""Read the similarity matrices of one area as RDMs."""

from dormouse.errors import log_to
from dormouse.files import write_arrays
from dormouse.recordings.dataset_folder import read_similarity

log_to(snakemake.log[0])
write_arrays(snakemake.output[0], read_similarity(snakemake.input[0], snakemake.wildcards.area))
