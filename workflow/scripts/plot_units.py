"""Draw the distributions of single-unit statistics in MouseNets and in recorded neurons."""

from dormouse.paper.figures.style import save
from dormouse.paper.figures.units import plot_units
from dormouse.run.job import begin
from dormouse.tables import read_table

begin(snakemake)
units, models = read_table("units", snakemake.input.units), read_table("models", snakemake.input.models)
save(plot_units(units, models, snakemake.params.areas, snakemake.params.neurons, snakemake.params.title), snakemake.output)
