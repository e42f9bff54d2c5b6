"""Stack the scores of all models and areas for the methods of one family."""

from dormouse.job import begin
from dormouse.methods.scores import read_scores
from dormouse.tables import write_table

begin(snakemake)
write_table("scores", read_scores(snakemake.input), snakemake.output[0])
