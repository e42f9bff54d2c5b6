"""Mutations: each takes the bytes of a valid file and a random generator, and returns the bytes of a file that may be odd."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

Mutation = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Door:
    """A kind of file from outside: how to write a valid one, how to mutate it, and what reads it in a run."""

    write: Callable[[Path], Path]  # writes all that a reader needs into a folder, and returns the file to mutate
    mutate: Mutation
    read: Callable[[Path], object]  # called with the folder of the file as the working directory
    made: bool = False  # by a run: where it is read, its content is as it was written
    named: str = ""  # pattern of what a refusal names; the file, if it is empty


PLACE = "PLACE_OF_AN_ODD_VALUE"
NAMES = [
    "é",
    "e\u0301",
    "日本",
    "a b",
    " ",
    "",
    "..",
    "../../x",
    "/",
    "~",
    "a/b",
    "a\nb",
    "a\tb",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "{x}",
    "%s",
    "*",
]
NAMES += [
    "x" * 300,
    "x" * 5000,
    "nan",
    "all",
    "-",
    "None",
    "con",
    ".hidden",
    "'",
    '"',
    "\\",
    "$HOME",
    "0",
    "1e5",
    "\ufeff",
    "\U0001f42d",
]
# values as YAML and JSON write them, some of both, some of one, some of neither
BOMB = "&a [0, 0]" + "".join(f", &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
ODD = [
    "null",
    "true",
    "0",
    "-1",
    "1",
    "1.5",
    "-0.0",
    "1e400",
    "1e-400",
    ".nan",
    "NaN",
    ".inf",
    "Infinity",
    "-Infinity",
    "[]",
    "{}",
    "[[]]",
]
ODD += [
    "9" * 19,
    "9" * 400,
    "9" * 5000,
    "1" + "0" * 30,
    "0x10",
    "0b1",
    "1_000",
    "2021-01-01",
    "12:30:00",
    "1e5",
    "~",
    "yes",
    '""',
    '"a"',
]
ODD += [
    "[" * 3000 + "]" * 3000,
    "{a: " * 3000 + "1" + "}" * 3000,
    "[" * 100,
    f"[{BOMB}]",
    "&r [*r]",
    "&r {a: *r}",
    "*nowhere",
    "<<",
]
ODD += [
    "!!python/object/apply:os.system [touch ran]",
    "!!python/name:os.system",
    "!!binary aGk=",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!x y",
]
ODD += [
    "{1: 2}",
    "{null: 1}",
    "{[a]: 1}",
    "{a: 1, a: 2}",
    "{<<: {a: 1}}",
    "[1, two, {three: 3}]",
    '"\\ud800"',
    '"\\u0000"',
    "'\t'",
    "|",
    "> x",
]
ODD += [json.dumps(name) for name in NAMES]


def any_of(*mutations: Mutation) -> Mutation:
    """Return a mutation that is one of several at random, and now and then two of them, one after the other."""

    def mutate(content: bytes, rng: Random) -> bytes:
        for _ in range(rng.choice([1, 1, 1, 2])):
            content = rng.choice(mutations)(content, rng)
        return content

    return mutate


def raw(content: bytes, rng: Random) -> bytes:
    """Change bytes, whatever they mean."""
    content, n = bytearray(content), len(content)
    if not n:
        return bytes(rng.randbytes(rng.randrange(1, 50)))
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        at, length = rng.randrange(n), rng.choice([1, 2, 4, 16, n // 3 + 1])
        match rng.choice(["flip", "flip", "byte", "cut", "end", "repeat", "insert", "zero", "swap"]):
            case "flip" if content:
                content[at % len(content)] ^= 1 << rng.randrange(8)
            case "byte" if content:
                content[at % len(content)] = rng.choice([0, 9, 10, 13, 32, 34, 44, 58, 127, 128, 255, rng.randrange(256)])
            case "cut":
                del content[at : at + length]
            case "end":
                del content[at:]
            case "repeat":
                content[at:at] = content[at : at + length] * rng.choice([1, 3])
            case "insert":
                content[at:at] = rng.randbytes(length % 64)
            case "zero":
                content[at : at + length] = bytes(len(content[at : at + length]))
            case "swap":
                content[at : at + length], content[:length] = content[:length], content[at : at + length]
    return bytes(content)


def whole(content: bytes, rng: Random) -> bytes:
    """Write the same text in another encoding or with other ends of lines, or something else altogether."""
    text = content.decode(errors="replace")
    others = ["utf-16", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7"]
    return rng.choice(
        [
            lambda: text.replace("a", "é").encode(rng.choice(others), errors="replace"),
            lambda: text.encode(rng.choice(others), errors="replace"),
            lambda: text.replace("\n", rng.choice(["\r\n", "\r", "\n\n", "\x0b", "\u2028"])).encode(),
            lambda: text.replace(" ", "\t").encode(),
            lambda: rng.choice(
                [b"", b"\n", b"\x00", b"---\n---\n", b"- a\n- b\n", b"just text", b"<html></html>", b"\xff\xfe"]
            ),
            lambda: content + rng.choice([b"\x00", b"\n---\na: 1\n", b"\x1a", b"\n\n\n", b"\n:", b"\n  - x"]),
        ]
    )()


# --- trees of mappings and lists


def _places(tree) -> list[tuple]:
    """Return container and key of every value of a tree."""
    inner = list(tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ())
    return [(tree, key) for key, _ in inner] + [place for _, value in inner for place in _places(value)]


def change_tree(tree, rng: Random) -> None:
    """Replace, remove, rename or repeat a part of a tree; odd values stand as `PLACE` and are written by `with_odd`."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        places = _places(tree)
        if not places:
            return
        holder, key = rng.choice(places)
        match rng.choice(["value", "value", "value", "value", "remove", "key", "other", "add"]):
            case "value":
                holder[key] = PLACE
            case "remove":
                del holder[key]
            case "key" if isinstance(holder, dict):
                holder[rng.choice([*NAMES, PLACE])] = holder.pop(key)
            case "other":
                other, there = rng.choice(places)
                holder[key] = json.loads(json.dumps(other.get(there) if isinstance(other, dict) else other[there : there + 1]))
            case "add" if isinstance(holder, dict):
                holder[rng.choice([*NAMES, PLACE])] = holder[key]


def with_odd(text: str, rng: Random) -> str:
    """Write an odd value, another for each, where a text holds `PLACE`."""
    return re.sub(f"[\"']?{PLACE}[\"']?", lambda found: rng.choice(ODD), text)


def in_yaml(content: bytes, rng: Random) -> bytes:
    """Change values and keys of a YAML file."""
    if BOMB.encode() in content:
        return raw(content, rng)  # to walk through it would take for ever
    tree = yaml.safe_load(content)
    change_tree(tree, rng)
    text = yaml.safe_dump(
        tree, allow_unicode=rng.random() < 0.5, default_flow_style=rng.choice([None, True, False]), width=1000
    )
    return with_odd(text, rng).encode()


def in_json(content: bytes, rng: Random) -> bytes:
    """Change values and keys of a JSON file."""
    tree = json.loads(content)
    change_tree(tree, rng)
    return with_odd(json.dumps(tree, ensure_ascii=rng.random() < 0.5), rng).encode(errors="surrogatepass")


# --- tables


def in_table(separator: str, cells: Sequence[str] = ()) -> Mutation:
    """Return what changes cells, rows and columns of a table of text; `cells` are odd values besides those of YAML."""
    odd = [
        *NAMES,
        *(text for text in ODD if len(text) < 500),
        *cells,
        "-1",
        "1e308",
        "inf",
        "1,5",
        "all",
        "VISp ",
        "visp",
        "2-Mar",
    ]

    def mutate(content: bytes, rng: Random) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode()), delimiter=separator))
        for _ in range(rng.choice([1, 1, 2, 5])):
            row, k = rng.choice(rows), rng.randrange(len(rows[0]))
            match rng.choice(["cell", "cell", "cell", "cell", "remove", "again", "column", "columns", "long", "blank"]):
                case "cell" if k < len(row):
                    row[k] = rng.choice(odd)
                case "remove" if len(rows) > 1:
                    rows.remove(row)
                case "again":
                    rows.append(list(row))
                case "column":
                    rows = [cells[:k] + cells[k + 1 :] for cells in rows]
                case "columns":
                    rows = [[*cells, *cells[k : k + 1]] for cells in rows]
                case "long":
                    row += [rng.choice(["", *odd])]
                case "blank":
                    rows.insert(rng.randrange(len(rows) + 1), rng.choice([[], [""], [" "], [""] * len(row)]))
            if not any(rows):
                break
        text = io.StringIO()
        end, quoting = rng.choice(["\n", "\n", "\r\n"]), rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting, escapechar="\\").writerows(rows)
        return text.getvalue().encode(errors="replace")

    return mutate
