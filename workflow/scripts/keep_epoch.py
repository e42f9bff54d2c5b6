"""Copy the weights of one epoch of a training run to a file of their own."""

from dormouse.run.job import begin
from dormouse.training.epoch_files import hand_out

begin(snakemake)
hand_out(snakemake.params.weights, snakemake.output[0])
