"""Compute the RDMs of an area and of its cortical layers."""

from dormouse.files import read_arrays, write_arrays
from dormouse.neurons.populations import site_rdms
from dormouse.run.job import begin

begin(snakemake)
write_arrays(snakemake.output[0], site_rdms(read_arrays(snakemake.input[0]), snakemake.params.min_neurons))
