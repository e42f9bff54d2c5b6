"""Run one network over all images, and keep the kernels of its layers and its attestation."""

from dormouse.features.attestation import attest
from dormouse.features.extraction import extract
from dormouse.features.kernels import kernel_names, writing_kernels
from dormouse.models.build import build_with_key, native_input, random_twin
from dormouse.models.user import watched
from dormouse.run.job import begin
from dormouse.run.provenance import network_record
from dormouse.stimuli.images import image_hashes, read_stimuli
from dormouse.stimuli.preprocessing import preprocess

begin(snakemake)
params, stimuli = snakemake.params, read_stimuli(snakemake.input.stimuli)
spec = params.spec | {"file": next(iter(snakemake.input.weights), None)}
room = snakemake.resources
limits = {"threads": snakemake.threads, "memory_mib": room.mem_mib, "precision": params.precision}
limits["scratch"] = (room.scratch or room.tmpdir, room.disk_mb * 1e6) if room.disk_mb else None
with watched(spec):
    network, key = build_with_key(spec)
    recipe = native_input(spec)
    inputs = preprocess(stimuli.images, recipe)
    attested = attest(network, recipe, random_twin(spec), spec["file"])
record = network_record(spec | {"input": recipe, "precision": params.precision, "weights_key": key}, attested, inputs)
names = kernel_names(snakemake.output)
with writing_kernels(snakemake.output, image_hashes(stimuli), record) as keep, watched(spec):
    extract(network, inputs, params.layers, names, params.eps, params.seed, **limits, keep=keep)
