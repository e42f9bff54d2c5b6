"""Run one network over all images and keep the kernels of its layers."""

from dormouse.errors import log_to
from dormouse.features import extract
from dormouse.files import write_arrays
from dormouse.models.build import build
from dormouse.provenance import provenance
from dormouse.stimuli import preprocess, read_stimuli

log_to(snakemake.log[0])
spec = snakemake.params.spec
stimuli = read_stimuli(snakemake.input.stimuli)
network = build(spec)
inputs = preprocess(stimuli.images, spec["input"])
kernels = extract(network, inputs, snakemake.params.eps, snakemake.params.seed, snakemake.threads)
write_arrays(snakemake.output[0], kernels | {"stimulus": stimuli.names, "provenance": provenance(spec, network, inputs)})
