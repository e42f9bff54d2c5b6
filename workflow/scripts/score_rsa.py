"""Compare the RDM of every layer of a model with the RDM of every site."""

from dormouse.errors import log_to
from dormouse.features.kernels import read_kernels
from dormouse.files import read_joined
from dormouse.methods.rsa import score
from dormouse.tables import LAYER_ARRAYS, write_by_area

log_to(snakemake.log[0])
kernels = read_kernels(snakemake.input.kernels, *LAYER_ARRAYS, "centred", "row_sum")
params, table = snakemake.params, score(kernels, read_joined(snakemake.input.rdms, axis=0))
run = {"preset": params.preset, "selection": params.selection, "model": snakemake.wildcards.model}
write_by_area("scores", table.assign(**run), snakemake.output)
