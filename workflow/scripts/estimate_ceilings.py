"""Estimate the noise ceilings of the neurons and sites of one area."""

from dormouse.files import read_arrays
from dormouse.neurons.ceilings import estimate
from dormouse.recordings.trials import Recordings
from dormouse.run.job import begin
from dormouse.stimuli.images import read_names
from dormouse.tables import read_table, write_table

begin(snakemake)
params, stimuli = snakemake.params, read_names(snakemake.input.stimuli)
neurons = read_table("neurons", snakemake.input.neurons)
kept = neurons[neurons.kept & (neurons.area == snakemake.wildcards.area)]
table = estimate(
    snakemake.wildcards.area,
    Recordings(snakemake.input.recordings, kept.recording, stimuli, params.score_on),
    read_arrays(snakemake.input.population),
    kept,
    params.min_neurons,
    params.penalty,
    params.n_splits,
    params.seed,
)
table = table.assign(selection=snakemake.wildcards.selection, differs=params.differs)
write_table("ceilings", table, snakemake.output[0])
