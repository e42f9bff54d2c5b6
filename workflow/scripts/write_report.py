"""Write the report."""

from dormouse.errors import log_to
from dormouse.report import render
from dormouse.tables import read_table, read_tables

log_to(snakemake.log[0])
render(
    snakemake.input.template,
    snakemake.output[0],
    figures=snakemake.input.figures,
    captions=snakemake.input.captions,
    best=read_table("best_layers", snakemake.input.best),
    ceilings=read_tables("ceilings", snakemake.input.ceilings),
    models=read_table("models", snakemake.input.models),
    neurons=read_tables("neurons", snakemake.input.neurons),
    counts=read_tables("selection_counts", snakemake.input.counts),
    thresholds=snakemake.input.thresholds,
    metrics=snakemake.params.metrics,
    dataset=snakemake.params.dataset,
    config=snakemake.params.config,
)
