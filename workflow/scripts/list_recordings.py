"""List the recordings with natural scenes, and say why some are not used."""

from dormouse.recordings.allen import list_recordings
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
table = list_recordings(snakemake.input.experiments, snakemake.params.areas, snakemake.params.filters, snakemake.input.events)
write_table("recordings", table, snakemake.output[0])
