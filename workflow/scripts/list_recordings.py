"""List the recordings with natural scenes."""

from dormouse.errors import log_to
from dormouse.recordings.allen import list_recordings
from dormouse.tables import write_table

log_to(snakemake.log[0])
table = list_recordings(snakemake.input[0], snakemake.params.areas)
write_table("recordings", table, snakemake.output[0])
