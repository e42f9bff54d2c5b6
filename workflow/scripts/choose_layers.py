"""Choose the layer that represents each model at each site."""

from dormouse.errors import log_to
from dormouse.inference.layer_choice import choose_layers
from dormouse.tables import read_table, write_table

log_to(snakemake.log[0])
write_table("best_layers", choose_layers(read_table("scores", snakemake.input[0])), snakemake.output[0])
