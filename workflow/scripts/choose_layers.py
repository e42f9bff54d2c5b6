"""Choose the layer that represents each model at each site."""

from dormouse.inference.layer_choice import choose_layers
from dormouse.job import begin
from dormouse.tables import read_table, write_table

begin(snakemake)
write_table("best_layers", choose_layers(read_table("scores", snakemake.input[0])), snakemake.output[0])
