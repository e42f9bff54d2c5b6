"""Write the report."""

from dormouse.paper.report import render
from dormouse.run.costs import job_table
from dormouse.run.folder import results_folders
from dormouse.run.job import begin
from dormouse.run.provenance import read_records
from dormouse.tables import read_table, read_tables

begin(snakemake)
given, params = snakemake.input, snakemake.params
render(
    given.template[0],
    snakemake.output[0],
    captions=given.captions,
    figures=list(zip(given.figures, params.figures, strict=True)),
    methods=params.methods,
    tables={
        "best_layers": read_table("best_layers", given.best),
        "models": read_table("models", given.models),
        "ceilings": read_tables("ceilings", given.ceilings),
        "neurons": read_tables("neurons", given.neurons),
        "selection_counts": read_tables("selection_counts", given.counts),
        "unit_distances": read_tables("unit_distances", given.distances),
    },
    jobs=job_table(read_records(results_folders(params.dataset["results"]))),
    dataset=params.dataset,
    config=params.config,
)
