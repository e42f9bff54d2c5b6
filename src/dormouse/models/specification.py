"""What the specification of a model tells: its files, what its numbers are keyed by, and which models share a network."""

from collections.abc import Mapping
from pathlib import Path

from dormouse.contents import file_hash
from dormouse.models.registry import LABELS
from dormouse.mousenet.anatomy import FOLDER, MEASURED


def content_key(spec: Mapping) -> dict:
    """Return what of a specification changes a model's numbers: no labels, and the contents of files in the place of names."""
    told = {name: value for name, value in spec.items() if name not in (*LABELS, "file")}
    published = spec["weights"] if spec["address"] or spec["file"] is None else None
    return told | {"weights": published, "contents": [_content(file) for file in network_files(spec)]}


def _content(file: str) -> str:
    """Return the hash of a file, or its name as long as the workflow has yet to fetch or make it."""
    return file_hash(file) if Path(file).is_file() else file


def network_files(spec: Mapping) -> list[str]:
    """Return the files that a specification names: of its weights, and of what its MouseNet is made from."""
    return weight_files(spec) + table_files(spec["options"])


def weight_files(spec: Mapping) -> list[str]:
    """Return the file of a network's weights, if it has one."""
    return [spec["file"]] if spec["file"] else []


def table_files(options: Mapping) -> list[str]:
    """Return the files of the tables that a variant of MouseNet names, if it names any."""
    folder = options.get("tables")
    return [f"{folder}/{table}.tsv" for table in MEASURED] if folder else []


def anatomy_files(options: Mapping) -> list[str]:
    """Return the files that a MouseNet is made from: the tables of the paper, and those that its variant names."""
    return sorted(map(str, FOLDER.glob("*.tsv"))) + table_files(options)


def downloads(models: Mapping[str, Mapping]) -> dict[str, dict]:
    """Return address and sha256 of every file of weights that is fetched, by its name in the folder of weights."""
    return {
        Path(spec["file"]).name: {key: spec[key] for key in ("address", "sha256")}
        for spec in models.values()
        if spec["address"]
    }


def architecture(spec: Mapping) -> dict:
    """Return what of a specification makes the network, apart from its weights."""
    return {key: spec[key] for key in ("source", "name", "code", "options", "input")}


def same_network(models: Mapping[str, Mapping]) -> dict[str, str]:
    """Return for each model the first with the same network, whatever the weights."""
    first: dict[str, str] = {}
    return {model: first.setdefault(repr(architecture(spec)), model) for model, spec in models.items()}
