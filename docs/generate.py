"""Write the parts of these pages that follow from the code: `make docs`. tests/test_docs.py says when they no longer agree.

A page marks such a part by <!-- made: NAME --> and <!-- end -->; what stands between them is replaced. flow.svg is drawn anew.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import yaml
from flow import draw_flow, sections

from dormouse.columns import TABLES

ROOT = Path(__file__).resolve().parents[1]
PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
TYPES = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "text", "null": "null"}
FEW = 3  # keys of a mapping that are explained where they stand on one line
LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
# what a row of each table is; those of other places than tables/ of a run come last
ROWS = {
    "run": "something that is said of the run, its data set and its configuration",
    "methods": "a method of the run: what it is called, reads and assumes",
    "recordings": "a session with natural scenes (Allen): container, animal, area, depth, Cre line, whether used, and why not",
    "stimuli": "something that is said of an image (docs/data.md); an image of which nothing is said has one row",
    "neurons": "a neuron under a selection: its reliability and other metrics, whether it is kept, and why not",
    "selection_counts": "a site under a combination of filters: how many neurons pass, and how many were published",
    "thresholds": "a site at a threshold, for the first selection of a run: neurons that are left, and their split-half r",
    "ceilings": "a neuron or a site: its noise ceiling, and how well other animals predict it",
    "scores": "a layer of a network at a site, scored by a method on a selection of neurons",
    "best_layers": "a network at a site: its layer, chosen as the row of the method says",
    "layer_choices": "a layer of a network at a site that was chosen on some data and scored on others, in any split",
    "animal_scores": "a network at a site in one animal: the score with its neurons alone",
    "intervals": "a network at a site: its score, a 95 % interval, its rank and where the rank may lie",
    "differences": "a pair of networks at an area, or at layers if only these are there: their difference, its interval",
    "permutation_tests": "a network at a site: whether its best layer scores above chance",
    "seed_spread": "a network with random weights at a site: the spread over its seeds",
    "comparisons": "the answer to a question about networks, by a method in an area: a number, how sure it is, and a sentence",
    "agreement": "two methods, two areas, or two halves of the animals: how alike they order networks",
    "specificity": "an area by a method: whether it is nearer to the same area of other animals than to other areas",
    "recovery": "neurons that were simulated from a layer of a network: the network and the layer that a method names",
    "discriminability": "an area by a method: how far a network's family is told from others, with simulated neurons",
    "power": "a study of some animals and images: the smallest difference between two networks that it would find",
    "learning_curves": "a network at an area: its score on some of the images, neurons or trials",
    "null_check": "features that know nothing of the images, at a site by a method: the run's check of itself",
    "site_similarity": "a pair of whole areas, or of their layers, for the first selection of a run: how alike their RDMs are",
    "published_rdms": "a site whose published RDM is at hand (`replication.matrices`): how alike it is to that of the run",
    "replication": "a published or computed number, held against this run: what was found, and whether it agrees",
    "models": "a network: what it is, what attests to it, its input, its size, and library versions",
    "units": "a neuron, or a unit of a MouseNet: sparseness, selectivity and signal correlation",
    "unit_distances": "an area of a MouseNet and a recorded area: how far apart their distributions of these quantities are",
    "jobs": "a job of the run: how long it took, and how much memory",
    "cell_metrics": "a cell (Allen): the p values that the service publishes for it",
    "neuron_scores": "a layer of a network and a neuron: `neuron_scores/<family>/<area>/<model>.parquet`",
    "reliability": "a neuron before any selection, for some choice of trials: `reliability/<recording>.parquet`",
    "nodes": "a node of a MouseNet",
    "connections": "a connection of a MouseNet",
    "training": "an epoch of a training run",
    "zoo": "a network of the zoo under `make zoo-check`: `results/zoo/zoo.parquet`",
}


def main() -> None:
    """Write all pages, and the picture of the flow, in place."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    (ROOT / "docs/flow.svg").write_text(draw_flow(ROOT), encoding="utf-8")


def pages() -> dict[Path, str]:
    """Return the text of every page that holds a part made here, by path."""
    parts = {"tables": _tables, "configuration": _configuration, "methods": _methods, "sections": _sections}
    found = {}
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if PART.search(text):
            found[path] = PART.sub(lambda part: f"{part[1]}\n{parts[part[2]]()}\n\n{part[3]}", text)
    return found


def _table(head: str, rows: list[tuple[str, ...]]) -> str:
    titles = head.split(" | ")
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Return text as it stands in a cell."""
    return re.sub(r"docs/(\w+)\.md", r"[\1](\1.md)", escape(text, quote=False).replace("|", r"\|").replace("*", r"\*"))


def _tables() -> str:
    """Return all columns of all tables."""
    if missing := TABLES.keys() ^ ROWS.keys():
        raise KeyError(f"docs/generate.py: ROWS must say what a row is of {sorted(missing)}, and of nothing else")
    parts = []
    for name, row in ROWS.items():
        columns = [(f"`{column}`", str(kind), _text(told)) for column, (kind, told) in TABLES[name].items()]
        parts.append(f"### {name}\n\nA row is {row}.\n\n{_table('column | type | content', columns)}")
    return "\n\n".join(parts)


def _methods() -> str:
    """Return the rows of the table of methods."""
    table = yaml.safe_load((ROOT / "resources/methods.yaml").read_text(encoding="utf-8"))
    presets = {row: preset for preset, rows in table["presets"].items() for row in rows}
    rows = []
    for name, row in table["rows"].items():
        preset = f"`{presets[name]}`" if name in presets else ""
        rows.append((f"`{name}`", preset, ", ".join(row["kernels"]), row["target"], _text(row["description"])))
    return _table("row | preset | kernel of a layer | target of a site | score", rows)


def _sections() -> str:
    """Return what the rules of each section do, by the first line of their file."""
    rows = []
    for name, told in sections(ROOT).items():
        places = {"package": f"src/dormouse/{name}", "rules": f"workflow/rules/{name}.smk", "tests": f"tests/{name}"}
        links = ", ".join(f"[{what}](../{place})" for what, place in places.items())
        rows.append((f"**{name}**", _text(told), links))
    return _table("section | what its rules do | where", rows)


# --- the configuration


def _configuration() -> str:
    """Return every key of config.yaml with its default, what the schema allows, and the comments beside it."""
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    parts = []
    for key, value in yaml.compose("\n".join(lines)).value:
        own, name = _resolved(schema["properties"][key.value], schema), key.value
        told, example = _comments(lines, key, value)
        if _is_open(value):
            rows = list(_rows(lines, value, own, schema, ""))
        else:
            rows, told = [(f"`{name}`", _default(lines, value), _allowed(own, schema), _text(told))], ""
        shown = [
            f"### {name}",
            *([_text(told[0].upper() + told[1:])] if told else []),
            _table("key | default | allowed | meaning", rows),
            *example,
        ]
        parts.append("\n\n".join(shown))
    return "\n\n".join(parts)


def _rows(lines: list[str], node: yaml.Node, schema: Mapping, whole: Mapping, place: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each key of a mapping, and for those of mappings in it that stand on lines of their own."""
    for key, value in node.value:
        own = _resolved(schema.get("properties", {}).get(key.value) or schema.get("additionalProperties", {}), whole)
        name, (told, _) = f"{place}{key.value}", _comments(lines, key, value)
        opened = _is_open(value)
        default, allowed = ("", "") if opened else (_default(lines, value), _allowed(own, whole))
        yield f"`{name}`", default, allowed, _text(told)
        if opened:
            yield from _rows(lines, value, own, whole, f"{name}.")


def _is_open(value: yaml.Node) -> bool:
    """Return whether a value is a mapping whose keys stand on lines of their own."""
    return isinstance(value, yaml.MappingNode) and not value.flow_style


def _comments(lines: list[str], key: yaml.Node, value: yaml.Node) -> tuple[str, list[str]]:
    """Return the comments above and beside a key as one text, and an example among them, which is indented, as a block."""
    first = key.start_mark.line
    above = first
    while above and lines[above - 1].strip().startswith("#"):
        above -= 1
    block = [line.strip()[1:] for line in lines[above:first]]
    example = [line[3:] for line in block if line.startswith("   ")]
    told = [line.strip() for line in block if not line.startswith("   ")]
    start = key.end_mark if _is_open(value) else value.end_mark
    for beside in re.findall(r"\s# (.*)$", lines[start.line][start.column :]):
        told.append(beside[0].upper() + beside[1:] if told else beside)
    return " ".join(told), [f"```yaml\n{chr(10).join(example)}\n```"] if example else []


def _default(lines: list[str], value: yaml.Node) -> str:
    """Return a value as it is written, on one line."""
    start, end = value.start_mark, value.end_mark
    parts = lines[start.line : end.line + 1]
    parts[-1] = parts[-1][: end.column]
    parts[0] = parts[0][start.column :]
    written = " ".join(part.strip() for part in parts)
    return f"`{written}`" if len(written) <= 200 else "see `config.yaml`"


def _resolved(schema: Mapping, whole: Mapping) -> dict:
    """Return a schema with what its references stand for; what stands beside a reference adds to it."""
    found = dict(schema)
    for part in [found.pop("$ref", None), *(part.get("$ref") for part in found.pop("allOf", []))]:
        if part:
            base = _resolved(whole["$defs"][part.rpartition("/")[2]], whole)
            items = {"items": base["items"] | found["items"]} if "items" in base and "items" in found else {}
            found = base | found | items
    return found


def _allowed(schema: Mapping, whole: Mapping) -> str:
    """Return in words which values a schema allows."""
    schema = _resolved(schema, whole)
    if "const" in schema or "enum" in schema:
        return _either([f"`{value}`" for value in schema.get("enum", [schema.get("const")])])
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    return _either([_of_type(name, schema, whole) for name in types])


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _of_type(name: str, schema: Mapping, whole: Mapping) -> str:
    if name in ("integer", "number"):
        limits = [f"{word} {_number(schema[key])}" for key, word in LIMITS.items() if key in schema]
        return " ".join([TYPES[name], (" " if {"minimum", "maximum"} <= schema.keys() else ", ").join(limits)]).strip()
    if name == "array":
        n, items = schema.get("maxItems"), _allowed(schema.get("items", {}), whole)
        return f"a list{f' of {n}' if n and n == schema.get('minItems') else ''}{f': {items}' if items else ''}"
    if name == "object":
        keys, entry = schema.get("properties", {}), _resolved(schema.get("additionalProperties") or {}, whole)
        if 0 < len(keys) <= FEW:
            return "; ".join(f"`{key}`: {_allowed(own, whole)}" for key, own in keys.items())
        if keys or "properties" not in entry:
            return schema.get("description", "a mapping")
        return f"entries with the keys {', '.join(f'`{key}`' for key in entry['properties'])}"
    if schema.get("pattern", "").startswith("^https"):
        return "an address"
    formats = {"path": "a path", "name": "a name"} if name == "string" else {}
    return formats.get(schema.get("format"), TYPES[name])


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


if __name__ == "__main__":
    main()
