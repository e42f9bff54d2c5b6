"""Write the report."""

from dormouse.errors import log_to
from dormouse.paper.report import render
from dormouse.tables import read_table, read_tables

log_to(snakemake.log[0])
render(
    snakemake.input.template[0],
    snakemake.output[0],
    figures=snakemake.input.scores,
    captions=snakemake.input.captions,
    tables={
        "best_layers": read_table("best_layers", snakemake.input.best),
        "models": read_table("models", snakemake.input.models),
        "ceilings": read_tables("ceilings", snakemake.input.ceilings),
        "neurons": read_tables("neurons", snakemake.input.neurons),
        "selection_counts": read_tables("selection_counts", snakemake.input.counts),
        "unit_distances": read_tables("unit_distances", snakemake.input.distances),
    },
    pictures={"neurons": snakemake.input.figures_of_neurons, "mousenet": snakemake.input.figures_of_mousenet},
    variants=snakemake.params.variants,
    dataset=snakemake.params.dataset,
    config=snakemake.params.config,
)
