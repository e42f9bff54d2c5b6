"""Run one network over all images and keep the kernels of its layers, with what attests to the network."""

from dormouse.attestation import attest
from dormouse.errors import log_to
from dormouse.features import extract
from dormouse.files import write_arrays
from dormouse.models.build import build, native_input, random_twin
from dormouse.provenance import provenance
from dormouse.stimuli import preprocess, read_stimuli

log_to(snakemake.log[0])
network = build(snakemake.params.spec)
spec = snakemake.params.spec | {"input": native_input(snakemake.params.spec)}
attested = attest(network, spec["input"], random_twin(spec), spec["file"])
stimuli = read_stimuli(snakemake.input.stimuli)
inputs = preprocess(stimuli.images, spec["input"])
kernels = extract(network, inputs, snakemake.params.layers, snakemake.params.eps, snakemake.params.seed, snakemake.threads)
write_arrays(snakemake.output[0], kernels | {"stimulus": stimuli.names, "provenance": provenance(spec, attested, inputs)})
