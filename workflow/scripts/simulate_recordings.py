"""Write the simulated recordings of the demo."""

from dormouse.job import begin
from dormouse.recordings.simulation import write_recordings

begin(snakemake)
params = snakemake.params
write_recordings(snakemake.output, params.n_scenes, params.n_trials, params.n_neurons, params.height, params.seed)
