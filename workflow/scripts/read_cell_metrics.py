"""Read from the service's list of cells the metrics that select neurons."""

from dormouse.recordings.allen import read_cell_metrics
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
write_table("cell_metrics", read_cell_metrics(snakemake.input[0]), snakemake.output[0])
