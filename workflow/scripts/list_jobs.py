"""Write what the jobs of the run took as a table."""

from pathlib import Path

from dormouse.run.costs import job_table
from dormouse.run.folder import results_folders
from dormouse.run.job import begin
from dormouse.run.provenance import read_records
from dormouse.tables import write_table

begin(snakemake)
folder = Path(snakemake.output[0]).parents[1]  # of the run
write_table("jobs", job_table(read_records(results_folders(folder))), snakemake.output[0])
