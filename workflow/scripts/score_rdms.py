"""Score one model by all methods of a family that read RDMs."""

import pandas as pd

from dormouse.methods.scores import basis, read_areas, read_model, score_rdms
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_by_area

begin(snakemake)
params, stimuli = snakemake.params, read_hashes(snakemake.input.stimuli)
layers, kernels = read_model(snakemake.input.kernels, stimuli)
areas = read_areas(snakemake.input.targets, axis=0)
table = pd.concat(score_rdms(layers, kernels, targets, params.methods, list(stimuli)) for targets in areas)
table = table.assign(model=snakemake.wildcards.model, differs=table.method.map(params.differs))
made_by = {"code": [params.code, params.family], "settings": params.methods}
rests_on = basis(snakemake.input.kernels, snakemake.input.targets, **made_by)
write_by_area("scores", table, snakemake.output, rests_on)
