"""Write the simulated recordings of the demo."""

from dormouse.errors import log_to
from dormouse.recordings.simulated import write_recordings

log_to(snakemake.log[0])
options = {key: snakemake.params[key] for key in ("n_scenes", "n_trials", "n_neurons", "height", "seed")}
write_recordings(snakemake.output, **options)
