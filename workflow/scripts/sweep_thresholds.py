"""Measure how reliable the populations of one area are at every reliability threshold."""

from dormouse.neurons.selection import candidates
from dormouse.neurons.thresholds import sweep
from dormouse.recordings.trials import Recordings
from dormouse.run.job import begin
from dormouse.stimuli.images import read_names
from dormouse.tables import read_table, write_table

begin(snakemake)
params, stimuli = snakemake.params, read_names(snakemake.input.stimuli)
neurons = candidates(read_table("neurons", snakemake.input.neurons), snakemake.wildcards.area, params.correction)
table = sweep(
    snakemake.wildcards.area,
    Recordings(snakemake.input.recordings, neurons.recording, stimuli, params.score_on),
    neurons,
    params.values,
    params.min_neurons,
    len(stimuli),
    params.n_splits,
    params.seed,
)
write_table("thresholds", table.assign(selection=snakemake.wildcards.selection), snakemake.output[0])
