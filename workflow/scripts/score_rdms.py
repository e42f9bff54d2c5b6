"""Score one model by all methods of a family that read RDMs."""

from dormouse.inference.layer_choice import other_images
from dormouse.methods.scores import basis, read_model, read_targets, score_rdms
from dormouse.methods.splits import rdm_splits
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import write_by_area, write_table

begin(snakemake)
params, stimuli = snakemake.params, read_hashes(snakemake.input.stimuli)
layers, kernels = read_model(snakemake.input.kernels, stimuli)
targets = read_targets(snakemake.input.targets, axis=0)
given = kernels, targets, params.methods, list(stimuli)
table = score_rdms(layers, *given)
table = table.assign(model=snakemake.wildcards.model, differs=table.method.map(params.differs))
made_by = {"code": [params.code, params.family], "settings": params.methods}
rests_on = basis(snakemake.input.kernels, snakemake.input.targets, **made_by)
write_by_area("scores", table, snakemake.output.sites, rests_on)
choices = other_images(table, rdm_splits(*given, **params.splits))
write_table("layer_choices", choices.assign(differs=choices.method.map(params.differs)), snakemake.output.choices, rests_on)
