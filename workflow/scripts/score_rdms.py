"""Score one model by all methods of a family that read RDMs."""

from dormouse.errors import log_to
from dormouse.methods.scores import read_model, read_targets, score_rdms
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_by_area

log_to(snakemake.log[0])
params, stimuli = snakemake.params, read_hashes(snakemake.input.stimuli)
layers, kernels = read_model(snakemake.input.kernels, stimuli)
table = score_rdms(layers, kernels, read_targets(snakemake.input.targets, axis=0), params.methods, list(stimuli))
table = table.assign(model=snakemake.wildcards.model, differs=table.method.map(params.differs))
write_by_area("scores", table, snakemake.output)
