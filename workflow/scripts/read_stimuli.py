"""Read the images that were shown."""

from dormouse.errors import log_to
from dormouse.recordings.readers import STIMULI
from dormouse.stimuli.images import write_stimuli

log_to(snakemake.log[0])
params = snakemake.params
sources = [*snakemake.input, *params.addresses]
stimuli = STIMULI[params.reader](sources, params.blank, params.background)
write_stimuli(snakemake.output[0], stimuli)
