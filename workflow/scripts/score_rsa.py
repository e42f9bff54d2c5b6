"""Compare the RDM of every layer of a model with the RDM of every site of an area."""

from dormouse.errors import log_to
from dormouse.files import read_arrays
from dormouse.rsa import score
from dormouse.tables import LAYER_ARRAYS, write_table

log_to(snakemake.log[0])
kernels = read_arrays(snakemake.input.kernels, *LAYER_ARRAYS, "centred", "row_sum")
table = score(kernels, read_arrays(snakemake.input.rdms))
run = {"preset": snakemake.params.preset, "model": snakemake.wildcards.model}
write_table("scores", table.assign(**run), snakemake.output[0])
