"""Write what the run is as tables: its facts and its methods."""

from dormouse.run.description import method_table, run_table
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
params = snakemake.params
write_table("run", run_table(params.dataset, params.settings), snakemake.output.run)
write_table("methods", method_table(params.methods, params.presets, params.shown), snakemake.output.methods)
