"""Read the images that were shown."""

from dormouse.errors import log_to
from dormouse.recordings.readers import STIMULI
from dormouse.stimuli import write_stimuli

log_to(snakemake.log[0])
sources = [*snakemake.input, *snakemake.params.addresses]
stimuli = STIMULI[snakemake.params.reader](sources, snakemake.params.blank)
write_stimuli(snakemake.output[0], stimuli)
