"""Answer the questions about networks, say what may be said, and compare the orders of networks."""

from dormouse.inference.agreement import measure_agreement
from dormouse.inference.contrasts import with_attributes
from dormouse.inference.questions import answer, read_scored
from dormouse.inference.wording import sentences
from dormouse.run.job import begin
from dormouse.tables import read_table, read_tables, write_table

begin(snakemake)
given, params = snakemake.input, snakemake.params
models, best = with_attributes(read_table("models", given.models)), read_tables("best_layers", given.best)
scored = read_scored(params.resamples, list(params.models))
found = answer(params.contrasts, scored, models, best, params.labels)
found = found.assign(differs=found.method.map(params.differs).fillna(""), sentence=sentences(found, params.labels))
write_table("comparisons", found, snakemake.output.comparisons)
animals = read_tables("animal_scores", given.animals)
write_table("agreement", measure_agreement(scored, animals, models, **params.halves), snakemake.output.agreement)
