"""Measure how reliable the neurons of one recording are."""

from dormouse.neurons.reliability_table import measure_reliability
from dormouse.recordings.trials import check_images, read_recording
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes, read_names
from dormouse.tables import write_table

begin(snakemake)
params, parts, stimuli = snakemake.params, snakemake.wildcards, read_names(snakemake.input.stimuli)
recording = read_recording(snakemake.input.recording)
check_images(recording, read_hashes(snakemake.input.stimuli), snakemake.wildcards.recording)
table = measure_reliability(parts.recording, recording, stimuli, params.n_splits, params.seed, parts.select_on, parts.score_on)
write_table("reliability", table, snakemake.output[0])
