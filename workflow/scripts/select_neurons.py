"""Keep the neurons of all recordings that pass the filters of a selection, and say why the others are left out."""

from dormouse.neurons.selection import of_trials, select, with_service_metrics
from dormouse.run.job import begin
from dormouse.tables import read_tables, write_table

begin(snakemake)
params, measured = snakemake.params, read_tables("reliability", snakemake.input.reliability)
table = of_trials(measured, params.filters["select_on"], params.filters["score_on"])
table = with_service_metrics(table, read_tables("cell_metrics", snakemake.input.metrics))
neurons = select(table, params.areas, params.filters["filters"], **params.limits)
write_table("neurons", neurons.assign(selection=snakemake.wildcards.selection), snakemake.output[0])
