"""Choose the layer that represents each model at each site."""

from dormouse.inference.layer_choice import choose_layers
from dormouse.methods.correction import correct_rdms
from dormouse.methods.scores import read_scores
from dormouse.run.job import begin
from dormouse.tables import read_table, read_tables, write_table

begin(snakemake)
given, methods = snakemake.input, snakemake.params.methods
choices = correct_rdms(read_scores("layer_choices", given.choices), read_tables("ceilings", given.ceilings), methods)
write_table("best_layers", choose_layers(read_table("scores", given.scores), choices, methods), snakemake.output.best)
write_table("layer_choices", choices, snakemake.output.choices)
