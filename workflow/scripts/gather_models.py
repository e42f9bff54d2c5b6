"""List the models that ran, with everything that their results depend on."""

from dormouse.features.model_table import model_table
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
models = dict(zip(snakemake.params.models, snakemake.input, strict=True))
write_table("models", model_table(models, snakemake.params.labels), snakemake.output[0])
