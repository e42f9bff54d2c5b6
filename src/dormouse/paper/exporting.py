"""What a run has for other programs and for manuscripts: CSV, TeX and HDF5, made from its tables and the RDMs of its sites."""

from collections.abc import Sequence
from pathlib import Path

from dormouse.columns import TABLES
from dormouse.files import atomic
from dormouse.paper.exports.csv_files import columns_of, write_csv, write_package, write_text
from dormouse.paper.exports.rdm_file import write_rdms
from dormouse.paper.exports.tex_numbers import write_numbers
from dormouse.paper.facts import run_facts
from dormouse.stimuli.images import read_names
from dormouse.tables import read_named

RDM_FILE = "rdms.hdf5"
README = """# Exports of {title}

{description} {citation}

| file | what it holds |
|---|---|
| `tables/*.csv` | the tables of the run, UTF-8, numbers with all their digits; text in quotes, a missing value is nothing |
| `columns.csv` | every column of these: its type, whether it may be missing, and what it means |
| `datapackage.json` | the same for programs: a Data Package of Frictionless Data |
| `numbers.tex` | for a manuscript: `\\input{{numbers}}`, then `\\dormouse{{score}}{{METHOD}}{{AREA}}`; its head lists all |
{rdms}

Tables that tell of the machine, as `jobs`, are left out.
"""
HAS_RDMS = '| `rdms.hdf5` | the RDMs of all sites, 1 - Pearson r: `rsatoolbox.rdm.load_rdm("rdms.hdf5")` |'
NO_RDMS = "\nThe RDMs of the sites are not here, because these exports were made from tables alone."


def export_files(names: Sequence[str], has_rdms: bool) -> list[str]:
    """Return the paths of all exports within their folder, README.md first.

    Parameters
    ----------
    names : of the tables of the run
    has_rdms : whether the RDMs of its sites are at hand
    """
    files = ["README.md", "columns.csv", "datapackage.json", "numbers.tex", *[RDM_FILE] * has_rdms]
    return files + [f"tables/{name}.csv" for name in names]


def write_exports(
    folder: str | Path, tables: Sequence[str | Path], rdms: Sequence[str | Path], stimuli: Sequence[str | Path]
) -> None:
    """Write all exports of a run into a folder.

    Parameters
    ----------
    tables : files of its tables, each named after its table
    rdms : files of the RDMs of its sites, rdms/<selection>/<area>.npz; without any, there is no `RDM_FILE`
    stimuli : the file of the images, if there are RDMs
    """
    folder, names = Path(folder), [Path(path).stem for path in tables]
    found = read_named(list(TABLES), tables)
    facts = run_facts(found["run"])
    for name in names:
        write_csv(name, found[name], folder / f"tables/{name}.csv")
    with atomic(folder / "columns.csv") as temporary:
        columns_of(names).to_csv(temporary, index=False)
    write_package(folder / "datapackage.json", names, facts)
    write_numbers(folder / "numbers.tex", found, facts["title"])
    if rdms:
        write_rdms(folder / RDM_FILE, rdms, read_names(stimuli[0]), facts["title"])
    told = {key: facts[key] for key in ("title", "description", "citation")}
    write_text(folder / "README.md", README.format(**told, rdms=HAS_RDMS if rdms else NO_RDMS))
