"""Write the simulated recordings of the demo."""

from dormouse.recordings.simulation import write_recordings
from dormouse.run.job import begin

begin(snakemake)
params = snakemake.params
write_recordings(snakemake.output, params.n_scenes, params.n_trials, params.n_neurons, params.height, params.seed)
