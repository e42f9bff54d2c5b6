"""Cases of what people write, of arrays and images that others made: what they may be, and what is refused."""

import os
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from cases import Case
from folders import change, session
from PIL import Image

# --- what is done to files before the start


def both(*changes):
    def all_of_them(mice, run):
        for one in changes:
            one(mice, run)

    return all_of_them


def written(place, content):
    """Give what writes a file, its path from the folder that holds `mice` and `run`."""

    def write(mice, run):
        (mice.parent / place).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def instead(place, make):
    """Give what puts something else in the place of a file."""

    def replace(mice, run):
        (mice.parent / place).unlink(missing_ok=True)
        make(mice.parent / place)

    return replace


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def link_to_nothing(path):
    path.symlink_to("gone")


def edited(place, old, new):
    def edit(mice, run):
        path = mice.parent / place
        path.write_text(path.read_text().replace(old, new))

    return edit


def bomb(inner):
    """Return YAML whose aliases stand for a billion values; `inner` puts an alias into the next one."""
    levels = [f"k{n}: &k{n} {inner(n - 1)}\n" for n in range(1, 12)]
    return "k0: &k0 {x: 1}\n" + "".join(levels)


OF_LISTS = bomb(lambda n: f"[{', '.join([f'*k{n}'] * 9)}]")
OF_MAPPINGS = bomb(lambda n: f"{{{', '.join(f'x{k}: *k{n}' for k in range(9))}}}")
MERGED = bomb(lambda n: f"{{<<: [{', '.join([f'*k{n}'] * 9)}]}}")


def moved(mice, run):
    """Move the data set to where its path holds spaces, quotes and a star."""
    place = run / "-a 'c' \"d\" * $x é"
    place.mkdir()
    mice.rename(place / "mice")
    (place / "mice/stimuli/image_3.png").rename(place / "mice/stimuli/image_3 ' \" * é.png")


# --- arrays


def header(shape, kind="<f4"):
    """Return the beginning of a .npy file."""
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def members(place, *parts):
    """Give what replaces an .npz file by an archive of these names and contents."""

    def replace(mice, run):
        with zipfile.ZipFile(mice.parent / place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts:
                archive.writestr(name, content)

    return replace


def saved(**arrays):
    return lambda mice, run: change(session(mice, "two"), **arrays)


def similar(**arrays):
    """Give what makes the data set one of similarities."""

    def replace(mice, run):
        written("mice/dataset.yaml", "{name: Mice, kind: similarity, stimuli: stimuli}")(mice, run)
        np.savez(mice / "similarity.npz", **arrays)

    return replace


# --- images


def png(width, height, pixels=b""):
    """Return a PNG of 8 bits, grey, with these pixels whatever its header says."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(pixels),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def animated(form):
    def replace(mice, run):
        path = mice / "stimuli/image_3.png"
        frames = [Image.open(path), Image.new("L", (32, 24))]
        frames[0].save(path, format=form, save_all=True, append_images=frames[1:])

    return replace


def of_one_pixel(mice, run):
    for k in range(8):
        Image.new("L", (1, 1), 30 * k).save(mice / f"stimuli/image_{k}.png")


# --- training images and tables of MouseNet

TRAINED = {
    "training": {
        "mine": {
            "network": {"source": "mousenet", "name": "small"},
            "images": "folder",
            "folder": "photos",
            "classes": 2,
            "input_px": 16,
            "epochs": 0,
            "batch": 2,
            "learning_rate": 0.05,
            "drops": [],
            "momentum": 0.9,
            "weight_decay": 0.0,
            "seed": 0,
        }
    },
    "models": {"add": {"net": {"source": "mousenet", "name": "small", "weights": "trained:mine"}}},
}


def photos(mice, run):
    for part in ("train", "val"):
        for name in ("a", "b"):
            shutil.copytree(mice / "stimuli", run / "photos" / part / name)


def in_photos(make):
    def change(mice, run):
        photos(mice, run)
        make(run / "photos/val/b/image_9.png")

    return change


READ_STIMULI = ["read_stimuli"]


def tables(content):
    """Give what puts tables of a MouseNet of the user's into run/tables."""

    def write(mice, run):
        (run / "tables").mkdir()
        for name in ("nodes", "connections"):
            shutil.copy(ROOT / f"resources/mousenet/{name}.tsv", run / "tables")
        (run / "tables/nodes.tsv").write_bytes(content)

    return write


MOUSENET = {
    "mousenet": {"variants": {"small": {"tables": "tables"}}},
    "models": {"add": {"net": {"source": "mousenet", "name": "small", "weights": "random"}}},
}
ROOT = Path(__file__).resolve().parents[2]
NOT_A_NAME = r"cannot be a file name; use letters, digits and '_\.-'"
OF_TWO = "mice/responses/two.npz"
LINE = {"source": "timm", "name": "resnet18", "weights": "random"}
CASES = [
    # the configuration
    Case(
        "numbers behind --config",
        lambda mice, run: mice.rename(run / "2021"),
        arguments=["-n", "--config", "selection={min_reliability: 0.3}", "dataset=2021"],
    ),
    Case(
        "a text behind --config that is no number",
        arguments=["-n", "--config", "selection={min_reliability: high}"],
        refused=r"--config: selection\.min_reliability: expected a number, got the text 'high'",
    ),
    Case(
        "20,000 seeds",
        config={"models": {"seeds": list(range(20_000))}},
        refused=r"seeds: expected at most 100 values, got 20,",
    ),
    Case("a size of a billion", config={"input": {"size": 10**9}}, refused=r"input\.size: 1000000000 is greater than .* 4096"),
    Case(
        "keys that are numbers",
        config="{1: 2}",
        refused=r"overrides\.yaml: expected text as a key, got 1\. Put the key in quo",
    ),
    Case("a date", config="run: 2021-01-01", refused=r"run: expected text, .* got a date, '2021-01-01'\. Put text in quotes"),
    Case("aliases of lists", written("run/config.yaml", OF_LISTS), refused=r"config\.yaml: line 6: more than 100,000 values"),
    Case(
        "aliases of mappings",
        written("run/config.yaml", OF_MAPPINGS),
        refused=r"config\.yaml: line 6: more than 100,000 values",
    ),
    Case(
        "a configuration in Latin-1",
        written("run/config.yaml", "run: \xe9".encode("latin-1")),
        refused=r"config\.yaml: line 1: not UTF-8",
    ),
    Case(
        "a configuration that is a pipe",
        instead("run/config.yaml", pipe),
        refused=r"config\.yaml: a pipe or a device; expected a file",
    ),
    Case(
        "a deep configuration",
        written("run/config.yaml", "[" * 100_000),
        refused=r"config\.yaml: nested too deeply; expected at most 40",
    ),
    Case(
        "5,000 digits",
        written("run/config.yaml", "run: " + "9" * 5000),
        refused=r"config\.yaml: not readable as YAML \(Exceeds the limit",
    ),
    # names that become paths
    Case("a run that leaves the results", config={"run": "../x"}, refused=rf"run: '\.\./x' {NOT_A_NAME}"),
    Case(
        "a line break in the name of a model", config={"models": {"add": {"x\n": LINE}}}, refused=rf"add: 'x\\n' {NOT_A_NAME}"
    ),
    Case(
        "a long name of a model",
        config={"models": {"add": {"x" * 101: LINE}}},
        refused=rf"models\.add: 'xxx.*\.\.\. {NOT_A_NAME}",
    ),
    Case(
        "a variant that leaves the results",
        config={"mousenet": {"variants": {"../../x": {}}}},
        refused=rf"variants: '\.\./\.\./x' {NOT_A_NAME}",
    ),
    Case("a training run that leaves the results", config={"training": {"/x": {}}}, refused=rf"training: '/x' {NOT_A_NAME}"),
    Case(
        "a selection that leaves the results",
        config={"selection": {"named": {"..": {}}}},
        refused=rf"selection\.named: '\.\.' {NOT_A_NAME}",
    ),
    Case(
        "a method that leaves the results",
        config={"methods": {"add": {"a/b": {}}}},
        refused=rf"methods\.add: 'a/b' {NOT_A_NAME}",
    ),
    Case(
        "a session that leaves its folder",
        edited("mice/neurons.csv", ",two,", ",../two,"),
        refused=rf"neurons\.csv: session: '\.\./two' {NOT_A_NAME}",
    ),
    # paths
    Case(
        "spaces, quotes and a star in paths",
        moved,
        config={"dataset": "-a 'c' \"d\" * $x é/mice"},
        arguments=["results/mice/recordings/two.npz", "read_stimuli"],
    ),
    Case("a line break in a path", config={"dataset": "../mice\n"}, refused=r"dataset: '\.\./mice\\n' cannot be a path"),
    Case(
        "braces in a path",
        config={"dataset": "../{mice}"},
        refused=r"dataset: '\.\./{mice}' cannot be a path; .* without braces",
    ),
    Case(
        "braces in the name of an image",
        lambda mice, run: (mice / "stimuli/image_3.png").rename(mice / "stimuli/image_3{x}.png"),
        refused=r"image_3{x}\.png: rename it without braces",
    ),
    Case("a path that no system has", config={"dataset": "x" * 300}, refused=r"dataset: 'xxx.* cannot be a path"),
    Case(
        "a manifest with a line break",
        config={"allen": {"manifest": "a.json\n"}},
        refused=r"manifest: 'a\.json\\n' cannot be a path",
    ),
    # dataset.yaml and neurons.csv
    Case(
        "a comma behind each row, and a byte order mark",
        both(
            edited("mice/neurons.csv", "\n", ",\n"),
            lambda mice, run: written("mice/dataset.yaml", "\ufeff" + (mice / "dataset.yaml").read_text())(mice, run),
        ),
    ),
    Case(
        "a description in Latin-1",
        written("mice/dataset.yaml", "name: M\xe4use".encode("latin-1")),
        refused=r"dataset\.yaml: line 1: not UTF-8",
    ),
    Case(
        "a description in UTF-16",
        written("mice/dataset.yaml", "name: Mice".encode("utf-16")),
        refused=r"dataset\.yaml: line 1: not UTF-8",
    ),
    Case(
        "a description of aliases",
        written("mice/dataset.yaml", MERGED),
        refused=r"dataset\.yaml: line 6: more than 100,000 values",
    ),
    Case(
        "a description that is a folder",
        instead("mice/dataset.yaml", folder),
        refused=r"dataset\.yaml: a folder; expected a file",
    ),
    Case(
        "neurons.csv is a pipe",
        instead("mice/neurons.csv", pipe),
        refused=r"neurons\.csv: a pipe or a device; expected a file",
    ),
    Case(
        "neurons.csv is a link to nothing",
        instead("mice/neurons.csv", link_to_nothing),
        refused=r"neurons\.csv is a link that leads nowhere",
    ),
    Case("neurons.csv in Latin-1", written("mice/neurons.csv", b"neuron\n\xe9"), refused=r"neurons\.csv: line 2: not UTF-8"),
    Case(
        "a long name of an animal",
        edited("mice/neurons.csv", ",m2,", f",{'m' * 101},"),
        refused=r"line 12: animal is 'mmm.*at most 100 letters",
    ),
    # arrays
    Case(
        "an array of a petabyte",
        members(OF_TWO, ("response.npy", header((10**12, 8, 10)))),
        refused=r"two\.npz: response has 0 bytes, but its header",
    ),
    Case(
        "two arrays of one name",
        members(OF_TWO, ("response.npy", header((0,))), ("response.npy", header((0,)))),
        refused=r"two\.npz: two arrays are named 'response'",
    ),
    Case("no archive", written(OF_TWO, "neuron 1"), refused=r"two\.npz: not a readable \.npz file"),
    Case("arrays that are a pipe", instead(OF_TWO, pipe), refused=r"two\.npz: a pipe or a device; expected a file"),
    Case(
        "void as responses",
        saved(response=np.zeros((6, 8, 10), "V8")),
        refused=r"two\.npz: response is of type \|V8; expected real numbers",
    ),
    Case(
        "objects as neurons",
        saved(neuron=np.full(10, None)),
        refused=r"two\.npz: neuron is of type object; expected text or whole numbers",
    ),
    Case(
        "names of a megabyte",
        saved(neuron=np.full(10, "n" * 250_000)),
        refused=r"two\.npz: neuron is of type <U250000; expected shorter names",
    ),
    Case(
        "text as similarities",
        similar(VISp=np.full((8, 8), "0.5")),
        refused=r"similarity\.npz: VISp is of type <U3; expected real numbers",
    ),
    Case(
        "a note among similarities",
        similar(VISp=np.eye(8), note=np.array("of us")),
        refused=r"similarity\.npz: note has shape \(\); expected \(8, 8\)",
    ),
    # images
    Case(
        "an image that is a pipe",
        instead("mice/stimuli/image_3.png", pipe),
        refused=r"image_3\.png: a pipe or a device; expected a file",
    ),
    Case(
        "an image that is a folder",
        instead("mice/stimuli/image_3.png", folder),
        refused=r"image_3\.png: a folder; expected a file",
    ),
    Case(
        "an image of ten billion pixels",
        written("mice/stimuli/image_3.png", png(100_000, 100_000)),
        refused=r"image_3\.png: expected at most 67,108,864 pixels\. Scale it down",
        arguments=READ_STIMULI,
    ),
    Case(
        "an animated image",
        animated("PNG"),
        refused=r"image_3\.png: 2 frames or pages; expected one image",
        arguments=READ_STIMULI,
    ),
    Case("images of one pixel", of_one_pixel, arguments=READ_STIMULI),
    # images to train on, tables of MouseNet
    Case("images to train on", photos, config=TRAINED),
    Case(
        "a pipe among images to train on",
        in_photos(pipe),
        config=TRAINED,
        refused=r"b/image_9\.png: a pipe or a device; expected a file",
    ),
    Case(
        "a link from a folder into itself",
        both(photos, lambda mice, run: (run / "photos/train/a/again").symlink_to("..")),
        config=TRAINED,
        refused=r"photos/train/a/again.*: a link to a folder that is read already",
    ),
    Case(
        "a huge image to train on",
        in_photos(lambda path: path.write_bytes(png(100_000, 100_000))),
        config=TRAINED,
        refused=r"b/image_9\.png: expected at most 67,108,864 pixels",
        arguments=["results/trained/mine.safetensors"],
    ),
    Case(
        "tables of MouseNet in Latin-1",
        tables(b"area\xe9"),
        config=MOUSENET,
        refused=r"tables/nodes\.tsv: line 1: not UTF-8",
        arguments=["results/mousenet/small/nodes.parquet"],
    ),
]
