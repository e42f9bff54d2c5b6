"""Compare the RDMs of every two sites."""

from dormouse.files import read_joined
from dormouse.neurons.site_similarity import SITE, compare_sites
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
table = compare_sites(read_joined(snakemake.input, 0, "rdm", *SITE))
write_table("site_similarity", table.assign(selection=snakemake.params.selection), snakemake.output[0])
