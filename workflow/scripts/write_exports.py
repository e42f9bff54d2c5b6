"""Write what a run has for other programs and for manuscripts."""

from pathlib import Path

from dormouse.paper.exporting import write_exports
from dormouse.run.job import begin

begin(snakemake)
given = snakemake.input
write_exports(Path(snakemake.output[0]).parent, given.tables, given.rdms, given.stimuli)
