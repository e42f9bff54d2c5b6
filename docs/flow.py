"""Draw what flows between the sections of the workflow, from its rules."""

import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import yaml

# a run that has a rule of every section: simulated neurons, published weights, a network trained here, the connectome
EVERYTHING = {
    "dataset": "demo",
    "models": {
        "groups": ["baselines", "mousenet"],
        "include": ["alexnet-imagenet"],
        "add": {"trained": {"source": "mousenet", "name": "small", "weights": "trained:mousenet_digits"}},
    },
    "mousenet": {"variants": {"paper": {"tables": "results/mousenet/connectome/corrected"}}},
}
RULE = r"^ *(?:rule|checkpoint) (\w+):\n((?:    .*\n|\n)+?)(?=^ *(?:rule|checkpoint|use|else|if)\b|^#|\Z)"
MADE = re.compile(r"(?:\{RESULTS\}|results)/(?:tables/)?(\w+)|(STIMULI|WEIGHTS|TRAINED|DATASET\.source)")
NAMED = {"STIMULI": "stimuli", "WEIGHTS": "weights", "TRAINED": "trained", "DATASET.source": "simulated"}
NO_SECTIONS = ("common", "package", "tables")  # files of rules
BESIDE = {"tables": "paper"}  # files of rules that belong to a section of another name
CELL, ROW, BOX = (122, 62), 15, (94, 34)  # pixels: of a cell, of a line of text, of a box
STYLE = "text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#222}.b{font-weight:600;fill:#fff}"


def sections(root: Path) -> dict[str, str]:
    """Return the sections in the order of workflow/Snakefile, each with the first sentence of its file of rules."""
    names = re.findall(r'^include: "rules/(\w+)\.smk"', (root / "workflow/Snakefile").read_text(), re.MULTILINE)
    files = {name: (root / f"workflow/rules/{name}.smk").read_text() for name in names if name not in NO_SECTIONS}
    return {name: text.split('"""')[1].strip() for name, text in files.items()}


def flows(root: Path) -> dict[tuple[str, str], list[str]]:
    """Return what each section hands to others, as folders and tables of results/, by the names of the two sections."""
    section, made = {}, {}
    for name in [*sections(root), *BESIDE]:
        for rule, body in re.findall(RULE, (root / f"workflow/rules/{name}.smk").read_text(), re.MULTILINE):
            section[rule] = BESIDE.get(name, name)
            output = re.split(r"\n +log:", body.partition("output:")[2])[0]
            made[rule] = dict.fromkeys(NAMED.get(constant, folder) for folder, constant in MADE.findall(output))
    found: dict[tuple[str, str], dict] = {}
    for before, after in _rule_graph(root):
        if after in section and section[before] != section[after]:
            found.setdefault((section[before], section[after]), {}).update(made[before])
    return {pair: sorted(names) for pair, names in found.items()}


def _rule_graph(root: Path) -> list[tuple[str, str]]:
    """Return the pairs of rules of which the second reads what the first makes."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text((root / "config.yaml").read_text())
        (Path(folder) / "everything.yaml").write_text(yaml.safe_dump(EVERYTHING))
        words = ["--snakefile", root / "Snakefile", "--directory", folder, "--configfile", Path(folder) / "everything.yaml"]
        command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", "--workflow-profile", "none", *words]
        output = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", output, re.MULTILINE))
    return [(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", output)]


def draw_flow(root: Path) -> str:
    """Return the picture as SVG: sections on the diagonal, and at the corner of each arrow what it carries."""
    carried = flows(root)
    names = [name for name in sections(root) if any(name in pair for pair in carried)]
    size = len(names) * CELL[0], len(names) * CELL[1]
    arrows, labels, boxes = [], [], []
    for (before, after), what in sorted(carried.items()):
        i, j = names.index(before), names.index(after)
        side = 1 if j > i else -1  # forward arrows run right and down, the others left and up
        x, y, end = _middle(j, 0)[0], _middle(0, i)[1], _middle(j, j)[1] - side * (BOX[1] // 2 + 3)
        arrows.append(f'<path d="M{_middle(i, i)[0]} {y}H{x}V{end}" class="{"f" if side > 0 else "r"}"/>')
        labels += _label(x, y, what)
    for k, name in enumerate(names):
        x, y = _middle(k, k)
        boxes.append(
            f'<rect x="{x - BOX[0] // 2}" y="{y - BOX[1] // 2}" width="{BOX[0]}" height="{BOX[1]}" rx="6" fill="#31688e"/>'
        )
        boxes.append(f'<text x="{x}" y="{y + 5}" class="b">{escape(name)}</text>')
    head = '<marker id="a" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    style = f"{STYLE}path{{fill:none;stroke:#9aa5b1;stroke-width:1.5;marker-end:url(#a)}}.r{{stroke-dasharray:4 3}}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}">',
        f"<style>{style}</style>",
        f'<defs>{head}<path d="M0 0L8 4L0 8z" style="fill:#9aa5b1;stroke:none;marker-end:none"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *arrows,
        *labels,
        *boxes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _middle(column: int, row: int) -> tuple[int, int]:
    return column * CELL[0] + CELL[0] // 2, row * CELL[1] + CELL[1] // 2


def _label(x: int, y: int, what: list[str]) -> list[str]:
    """Return names on a white ground, one below the other."""
    width, height = max(map(len, what)) * 7 + 6, len(what) * ROW + 2
    ground = f'<rect x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" fill="#fff"/>'
    top = y - height // 2 + ROW - 3
    return [ground, *(f'<text x="{x}" y="{top + k * ROW}">{escape(name)}</text>' for k, name in enumerate(what))]
