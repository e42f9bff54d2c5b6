"""Write the report."""

from dormouse.paper.report import read_shown, render
from dormouse.run.costs import job_table
from dormouse.run.folder import results_folders
from dormouse.run.job import begin
from dormouse.run.provenance import read_records

begin(snakemake)
given, params = snakemake.input, snakemake.params
render(
    given.template[0],
    snakemake.output[0],
    captions=given.captions,
    figures=list(zip(given.figures, params.figures, strict=True)),
    methods=params.methods,
    tables=read_shown(given.tables),
    jobs=job_table(read_records(results_folders(params.dataset["results"]))),
    dataset=params.dataset,
    config=params.config,
)
