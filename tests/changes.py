"""What stands in the place of a file, or in it: a change of the files of a case."""

import os


def both(*changes):
    """Give what makes several changes."""

    def change(mice, run):
        for one in changes:
            one(mice, run)

    return change


def written(place, content):
    """Give what writes text (UTF-8) or bytes to a file, by its path from the folder that holds `mice` and `run`."""

    def change(mice, run):
        (mice.parent / place).write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def instead(place, make):
    """Give what puts something else in the place of a file: `make` is called with the path."""

    def change(mice, run):
        (mice.parent / place).unlink(missing_ok=True)
        make(mice.parent / place)

    return change


def replaced(place, old, new):
    """Give what replaces a text wherever it stands in a file."""

    def change(mice, run):
        path = mice.parent / place
        path.write_text(path.read_text().replace(old, new))

    return change


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def link_to_nothing(path):
    path.symlink_to("gone")


def bomb(inner):
    """Return YAML whose aliases stand for a billion values; `inner` puts an alias into the next one."""
    levels = [f"k{n}: &k{n} {inner(n - 1)}\n" for n in range(1, 12)]
    return "k0: &k0 {x: 1}\n" + "".join(levels)


OF_MAPPINGS = bomb(lambda n: f"{{{', '.join(f'x{k}: *k{n}' for k in range(9))}}}")
MERGED = bomb(lambda n: f"{{<<: [{', '.join([f'*k{n}'] * 9)}]}}")
NOT_A_NAME = r"cannot be a file name; use letters, digits and '_\.-'"
