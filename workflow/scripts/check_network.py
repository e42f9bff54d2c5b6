"""Build one network with random weights and run it through extraction on a few images."""

from dormouse.features.zoo_check import check_network
from dormouse.files import write_json
from dormouse.run.job import begin

begin(snakemake)
params = snakemake.params
work = {"eps": params.eps, "seed": params.seed, "threads": snakemake.threads, "memory_mib": snakemake.resources.mem_mib}
result = check_network(params.spec, params.layers, params.kernels, **work)
write_json(snakemake.output[0], result)
