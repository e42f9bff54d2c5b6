"""Compare the RDM of every layer of a model with the RDM of every site."""

from dormouse.errors import log_to
from dormouse.features.kernels import read_kernel, read_layers
from dormouse.files import read_joined
from dormouse.methods.rsa import score
from dormouse.tables import write_by_area

log_to(snakemake.log[0])
stored = read_kernel(snakemake.input.kernel)
kernels = {**read_layers(snakemake.input.kernel), "centred": stored["kernel"], "row_sum": stored["row_sum"]}
params, table = snakemake.params, score(kernels, read_joined(snakemake.input.rdms, axis=0))
run = {"preset": params.preset, "selection": params.selection, "model": snakemake.wildcards.model}
write_by_area("scores", table.assign(**run), snakemake.output)
