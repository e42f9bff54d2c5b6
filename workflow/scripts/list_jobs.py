"""Write what the jobs of the run took as a table."""

from dormouse.run.costs import job_table
from dormouse.run.folder import results_folders
from dormouse.run.job import begin
from dormouse.run.provenance import read_records
from dormouse.tables import write_table

begin(snakemake)
write_table("jobs", job_table(read_records(results_folders(snakemake.params.results))), snakemake.output[0])
