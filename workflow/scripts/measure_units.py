"""Measure statistics of single units of a MouseNet over scenes and gratings."""

from dormouse.models.build import build
from dormouse.mousenet.unit_statistics import measure_network
from dormouse.run.job import begin
from dormouse.stimuli.images import read_stimuli
from dormouse.tables import write_table

begin(snakemake)
params = snakemake.params
stimuli = read_stimuli(snakemake.input.stimuli)
spec = params.spec | {"file": next(iter(snakemake.input.weights), None)}
units = measure_network(build(spec), stimuli, spec["input"], params.n_units, params.seed, params.negative)
write_table("units", units.assign(model=snakemake.wildcards.model), snakemake.output[0])
