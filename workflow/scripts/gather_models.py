"""List the models that ran, with everything that their results depend on."""

from dormouse.errors import log_to
from dormouse.features.model_table import model_table
from dormouse.tables import write_table

log_to(snakemake.log[0])
models = dict(zip(snakemake.params.models, snakemake.input, strict=True))
write_table("models", model_table(models, snakemake.params.labels), snakemake.output[0])
