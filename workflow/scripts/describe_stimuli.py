"""List the images, and what is said of each."""

from dormouse.run.job import begin
from dormouse.stimuli.images import description_table, read_names
from dormouse.tables import write_table

begin(snakemake)
table = description_table(read_names(snakemake.input[0]), snakemake.params.described)
write_table("stimuli", table, snakemake.output[0])
