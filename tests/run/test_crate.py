"""A run as a research object: as its own library reads it, and against the terms of the profile."""

import json
from pathlib import Path

import pytest
from job_records import made
from rocrate.rocrate import ROCrate

from dormouse.errors import InputError
from dormouse.run.crate import PROFILE, write_crate
from dormouse.run.folder import record_run

FILES = {
    "results/demo/tables/scores.parquet": b"scores",
    "results/kernels/pixels/abc/srp.npz": b"kernels",
    "given.csv": b"given",
}


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """Work in a folder with a run of two jobs: one made kernels from a given file, one scores from these."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    record_run("results/demo", {"name": "demo", "title": "the demo", "kind": "responses"})
    scores, kernels, given = FILES
    made([kernels], [given], rule="extract_features")
    made([scores], [kernels], rule="score")


def test_the_library_of_the_format_reads_jobs_with_their_files_times_and_program():
    write_crate("results/demo")
    crate = ROCrate("results/demo")
    actions = {action["name"]: action for action in crate.root_dataset["mentions"]}
    assert set(actions) == {"score VISp", "extract_features VISp"}
    score = actions["score VISp"]
    (table,), (kernels,) = score["result"], score["object"]
    assert table.id == "tables/scores.parquet" and table["contentSize"] == "6" and len(table["sha256"]) == 64
    assert kernels == actions["extract_features VISp"]["result"][0] and kernels["name"] == "results/kernels/pixels/abc/srp.npz"
    assert score["startTime"] <= score["endTime"]
    assert score["instrument"].type == "SoftwareApplication" and "commit" in score["instrument"]["softwareVersion"]


def test_it_has_what_format_and_profile_demand():
    """As RO-Crate 1.1 and Process Run Crate say in their lists of what MUST be there; nothing is fetched."""
    path = write_crate("results/demo")
    described = json.loads(path.read_text())
    assert described["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in described["@graph"]}
    assert len(entities) == len(described["@graph"])
    assert entities["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    root = entities["./"]
    assert all(root.get(key) for key in ("name", "description", "datePublished", "license", "hasPart", "mentions"))
    assert root["conformsTo"] == {"@id": PROFILE}

    def named(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else (name for part in value.values() for name in named(part))
        elif isinstance(value, list):
            yield from (name for part in value for name in named(part))

    missing = set(named(described["@graph"])) - set(entities)
    assert missing == {"https://w3id.org/ro/crate/1.1"}  # of the format itself
    for entity in described["@graph"]:
        if entity["@type"] == "File":
            assert (path.parent / entity["@id"]).is_file()
        if entity["@type"] == "CreateAction":
            assert {"instrument", "result", "startTime", "endTime"} <= set(entity)


def test_a_folder_without_a_run_is_refused():
    with pytest.raises(InputError, match=r"results/kernels: no run\.json; expected the folder of a run, such as results/demo"):
        write_crate("results/kernels")
