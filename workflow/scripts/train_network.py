"""Train a network on images; what was stopped goes on after its last epoch."""

from dormouse.errors import log_to
from dormouse.models.build import build
from dormouse.tables import write_table
from dormouse.training.images import read_images
from dormouse.training.loop import train, write_state

log_to(snakemake.log[0])
params, recipe = snakemake.params, snakemake.params.recipe
network = build(params.spec)
images = read_images(recipe["images"], recipe["folder"], recipe["input_px"])
made = {"code": params.code, "network": params.spec}  # a run that was stopped goes on if these are the same
history = train(network, images, recipe | made, params.epochs, snakemake.threads)
write_table("training", history.assign(run=snakemake.wildcards.run), snakemake.output.history)
write_state(network, snakemake.output.weights)
