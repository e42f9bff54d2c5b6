"""Train a network on images, resuming after the last epoch that exists, and copy the weights of the last epoch wanted."""

from dormouse.models.build import build
from dormouse.run.job import begin
from dormouse.tables import write_table
from dormouse.training.epoch_files import epoch_file, hand_out
from dormouse.training.images import read_images
from dormouse.training.loop import train

begin(snakemake)
params, recipe = snakemake.params, snakemake.config["training"][snakemake.wildcards.run]
network = build(params.spec)
images = read_images(recipe["images"], recipe["folder"], recipe["input_px"])
history = train(network, images, recipe, params.epochs, snakemake.threads, params.code)
write_table("training", history.assign(run=snakemake.wildcards.run), snakemake.output.history)
hand_out(epoch_file(params.epochs, recipe["epochs"]), snakemake.output.weights)
