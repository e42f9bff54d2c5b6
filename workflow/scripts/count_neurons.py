"""Count the neurons of each site under every combination of the filters."""

from dormouse.neurons.selection import count
from dormouse.run.job import begin
from dormouse.tables import read_table, write_table

begin(snakemake)
neurons, params = read_table("neurons", snakemake.input.neurons), snakemake.params
table = count(neurons, params.areas, params.min_reliability, params.max_p, params.published)
write_table("selection_counts", table.assign(selection=snakemake.wildcards.selection), snakemake.output[0])
