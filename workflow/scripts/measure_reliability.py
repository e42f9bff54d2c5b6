"""Measure how reliable the neurons of one recording are."""

from dormouse.errors import log_to
from dormouse.recordings.trials import read_recording
from dormouse.reliability import measure
from dormouse.stimuli import read_names
from dormouse.tables import write_table

log_to(snakemake.log[0])
recording = read_recording(snakemake.input.recording).select(read_names(snakemake.input.stimuli))
table = measure(snakemake.wildcards.recording, recording, snakemake.params.n_splits, snakemake.params.seed)
write_table("reliability", table, snakemake.output[0])
