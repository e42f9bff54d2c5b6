"""Measure how reliable the neurons of one recording are."""

from dormouse.neurons.reliability_table import measure_reliability
from dormouse.recordings.trials import check_images, read_recording
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes, read_names
from dormouse.tables import write_table

begin(snakemake)
params, name, stimuli = snakemake.params, snakemake.wildcards.recording, read_names(snakemake.input.stimuli)
recording = read_recording(snakemake.input.recording)
check_images(recording, read_hashes(snakemake.input.stimuli), name)
table = measure_reliability(name, recording, stimuli, params.n_splits, params.seed, params.pairs)
write_table("reliability", table, snakemake.output[0])
