"""Run one network over all images and keep the kernels of its layers, with what attests to the network."""

from dormouse.attestation import attest
from dormouse.errors import log_to
from dormouse.features.extraction import extract
from dormouse.kernels import write_kernels
from dormouse.models.build import build_with_key, native_input, random_twin
from dormouse.provenance import provenance
from dormouse.stimuli import preprocess, read_stimuli

log_to(snakemake.log[0])
params = snakemake.params
network, key = build_with_key(params.spec)
spec = params.spec | {"input": native_input(params.spec), "precision": params.precision, "weights_key": key}
attested = attest(network, spec["input"], random_twin(params.spec), params.spec["file"])
stimuli = read_stimuli(snakemake.input.stimuli)
inputs = preprocess(stimuli.images, spec["input"])
limits = {"threads": snakemake.threads, "memory_mib": snakemake.resources.mem_mib, "precision": params.precision}
arrays = extract(network, inputs, params.layers, params.kernels, params.eps, params.seed, **limits)
write_kernels(snakemake.output[0], arrays | {"stimulus": stimuli.names, "provenance": provenance(spec, attested, inputs)})
