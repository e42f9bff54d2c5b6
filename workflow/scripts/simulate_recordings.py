"""Write the simulated recordings of the demo."""

from dormouse.errors import log_to
from dormouse.recordings.simulation import write_recordings

log_to(snakemake.log[0])
params = snakemake.params
write_recordings(snakemake.output, params.n_scenes, params.n_trials, params.n_neurons, params.height, params.seed)
