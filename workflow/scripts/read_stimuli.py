"""Read the images that were shown."""

from dormouse.recordings.readers import STIMULI
from dormouse.run.job import begin
from dormouse.stimuli.images import write_stimuli

begin(snakemake)
params = snakemake.params
sources = [*snakemake.input, *params.addresses]
stimuli = STIMULI[params.reader](sources, params.blank, params.background)
write_stimuli(snakemake.output[0], stimuli)
