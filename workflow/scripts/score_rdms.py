"""Score one model by all methods of a family that read RDMs."""

from dormouse.methods.scores import basis, read_model, score_areas
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_by_area

begin(snakemake)
params, stimuli = snakemake.params, read_hashes(snakemake.input.stimuli)
layers, kernels = read_model(snakemake.input.kernels, stimuli)
table = score_areas(layers, kernels, snakemake.input.targets, params.methods, list(stimuli))
table = table.assign(model=snakemake.wildcards.model, differs=table.method.map(params.differs))
made_by = {"code": [params.code, params.family], "settings": params.methods}
rests_on = basis(snakemake.input.kernels, snakemake.input.targets, **made_by)
write_by_area("scores", table, snakemake.output, rests_on)
