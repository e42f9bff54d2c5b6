"""Read the trials of one recording from its source."""

from dormouse.recordings.readers import TRIALS
from dormouse.recordings.trials import write_recording
from dormouse.run.job import begin

begin(snakemake)
params = snakemake.params
(source,) = (*snakemake.input.recording, *params.address)
recording = TRIALS[params.reader](source, params.response, snakemake.input.events)
write_recording(snakemake.output[0], recording)
