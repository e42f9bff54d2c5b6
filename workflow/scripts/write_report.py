"""Write the report."""

from dormouse.paper.pictures import read_figures
from dormouse.paper.report import read_shown, write_report
from dormouse.run.job import begin

begin(snakemake)
given, params = snakemake.input, snakemake.params
write_report(
    given.template[0],
    snakemake.output[0],
    read_shown([*given.tables, given.jobs]),
    headings=params.sections,
    figures=read_figures(given.index, snakemake.threads),
    citations=params.citations,
)
