"""Build one network with random weights and run it through extraction on a few images."""

from dormouse.errors import log_to
from dormouse.files import write_json
from dormouse.zoo import check_network

log_to(snakemake.log[0])
params = snakemake.params
result = check_network(params.spec, params.layers, params.eps, params.seed, snakemake.threads)
write_json(snakemake.output[0], result)
