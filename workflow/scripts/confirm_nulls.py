"""Fail where the run's check of itself failed."""

from dormouse.files import write_json
from dormouse.inference.null_check import confirm
from dormouse.run.job import begin
from dormouse.tables import read_table

begin(snakemake)
write_json(snakemake.output[0], confirm(read_table("null_check", snakemake.input.check)))
