"""Compare the RDM of each site with the published one."""

from dormouse.files import read_joined
from dormouse.neurons.site_similarity import SITE, compare_with_published, read_published
from dormouse.run.job import begin
from dormouse.tables import write_table

begin(snakemake)
given, params = snakemake.input, snakemake.params
table = compare_with_published(read_joined(given.rdms, 0, "rdm", *SITE), read_published(given.published[0], params.areas))
write_table("published_rdms", table.assign(selection=params.selection), snakemake.output[0])
