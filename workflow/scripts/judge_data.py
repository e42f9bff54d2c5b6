"""Find out what the data can decide by the methods of one family."""

from dormouse.inference.judgement import judge
from dormouse.methods.scores import read_targets
from dormouse.run.job import begin
from dormouse.stimuli.images import read_hashes
from dormouse.tables import read_table, write_tables

begin(snakemake)
given, params = snakemake.input, snakemake.params
tables = judge(
    params.kernels,
    params.families,
    given.resamples,
    read_table("best_layers", given.best),
    read_targets(given.targets, params.axis),
    read_targets(given.trials, params.axis),
    params.methods,
    read_hashes(given.stimuli),
    params.min_neurons,
    params.choice,
    params.judge,
    params.seed,
    params.differs,
)
write_tables(tables, snakemake.output)
