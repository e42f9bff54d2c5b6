"""Draw MouseNet's populations and projections."""

from dormouse.errors import log_to
from dormouse.paper.figures.mousenet import plot_mousenet
from dormouse.paper.figures.style import save
from dormouse.tables import read_table

log_to(snakemake.log[0])
populations = read_table("populations", snakemake.input.populations)
save(plot_mousenet(populations, read_table("projections", snakemake.input.projections)), snakemake.output)
