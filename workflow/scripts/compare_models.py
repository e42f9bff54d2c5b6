"""Give intervals, ranks, differences and tests of all models by the methods of one family."""

from dormouse.inference.comparison import compare
from dormouse.methods.scores import read_scores
from dormouse.run.job import begin
from dormouse.tables import read_table, write_tables

begin(snakemake)
given, params = snakemake.input, snakemake.params
best, animals = read_table("best_layers", given.best), read_scores("animal_scores", given.animals)
tables = compare(given.resamples, params.models, best, params.networks, params.differs)
write_tables(tables | {"animal_scores": animals}, snakemake.output)
