"""Write the report."""

from dormouse.paper.report import read_index, read_shown, render
from dormouse.run.job import begin

begin(snakemake)
given, params = snakemake.input, snakemake.params
render(
    given.template[0],
    snakemake.output[0],
    figures=read_index(given.index),
    sections=params.sections,
    tables=read_shown([*given.tables, given.jobs]),
    results=params.results,
)
