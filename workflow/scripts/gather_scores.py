"""Stack the scores of all models and areas for the methods of one family, and correct those of RDMs for noise."""

from dormouse.methods.correction import correct_rdms
from dormouse.methods.scores import read_scores
from dormouse.run.job import begin
from dormouse.tables import read_tables, write_table

begin(snakemake)
ceilings = read_tables("ceilings", snakemake.input.ceilings)
scores = correct_rdms(read_scores("scores", snakemake.input.scores), ceilings, snakemake.params.methods)
write_table("scores", scores, snakemake.output[0])
