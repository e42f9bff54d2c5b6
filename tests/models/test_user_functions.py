"""Functions of users: what cannot be imported or called is told on one line, with the place in the user's own files."""

import re
import subprocess
import sys

import pytest

from dormouse.errors import InputError
from dormouse.models.build import build
from dormouse.models.user import check_name, import_function, user_code

MAKE = "def make():\n    return 3\n"


def spec(name):
    return {"source": "python", "name": name, "seed": 0, "file": None}


@pytest.mark.parametrize("name", ["nets:build", "a.b_1.c:make2", "\u00e9t\u00e9:b\u00e2tir"])
def test_names_of_functions_are_accepted(name):
    check_name(name, "here")


@pytest.mark.parametrize(
    "name",
    [
        *(".:build", "..:build", ".nets:build", "nets.:build", "a..b:build", "a:b:c", ":build", "nets:", "nets", "", ":"),
        *("1a:build", "nets:2", "nets:build\n", "ne ts:build", "a/b:build", "../a:build", "a-b:c", "n" * 200 + ":build"),
    ],
)
def test_what_is_no_name_of_a_function_is_refused(name):
    with pytest.raises(
        InputError, match=r"^config: here\.name: '.*'; expected module:function\. For `def build\(\)` in "
    ) as caught:
        check_name(name, "config: here.name")
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


FAULTY = """
import sys
import torch

if "--early" in sys.argv:
    sys.exit(3)


def raising():
    return inner()


def inner():
    raise RuntimeError("of two\\nlines")


def leaving():
    sys.exit("bye")


def asking(n):
    return n


def empty():
    return torch.nn.Linear(2, 3, device="meta")
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raising", r"RuntimeError: of two lines \(.*faulty\.py, line 14\)\.$"),
        ("leaving", r"SystemExit: bye \(.*faulty\.py, line 18\)\.$"),
        ("asking", r"TypeError: asking\(\) missing 1 required positional argument: 'n'\.$"),
        ("empty", r"gave a network on the device meta, without numbers; build it on the CPU\.$"),
    ],
)
def test_a_function_that_fails_is_told_with_its_line(module, name, message):
    module("faulty", FAULTY)
    with pytest.raises(InputError, match=rf"^faulty:{name}: {message}"):
        build(spec(f"faulty:{name}"))


@pytest.mark.parametrize("text", ["1 / 0", "import sys; sys.exit()", "None.gone"])
def test_a_module_that_fails_is_told_with_its_line(module, text):
    module("failing", f"x = 1\n{text}\n")
    with pytest.raises(InputError, match=r"^failing:make: cannot be imported: \w+: .*\(.*failing\.py, line 2\)\.$"):
        import_function("failing:make")


def test_a_module_with_the_name_of_one_of_pythons_own_is_refused(module, tmp_path):
    assert user_code("code:interact") == {}
    (tmp_path / "code.py").write_text(MAKE)
    with pytest.raises(InputError, match=rf"Python has a module 'code' of its own, .* that in {re.escape(str(tmp_path))}\."):
        user_code("code:make")


def test_a_module_with_the_name_of_another_that_is_imported_is_refused(module, tmp_path):
    (tmp_path / "yaml.py").write_text(MAKE)
    with pytest.raises(
        InputError, match=r"^yaml:make: .*yaml\.py has the name of another module, .*yaml.__init__\.py\. Rename it"
    ):
        import_function("yaml:make")


def test_an_import_of_python_is_not_taken_for_a_file_of_the_same_name(module, tmp_path):
    module("mine", f"import random\nimport parts\n\n\n{MAKE}")
    (tmp_path / "random.py").write_text("x = 1\n")
    module("parts", "")
    assert set(user_code("mine:make")) == {"mine", "parts"}


OF_TIMM = pytest.param("from timm import create_model", marks=pytest.mark.slow)  # which imports torchvision


@pytest.mark.parametrize("text", ["import torchvision", OF_TIMM])
def test_a_module_may_import_torchvision_and_what_rests_on_it(module, tmp_path, text):
    module("seeing", f"{text}\n\n\n{MAKE}")
    check = "from dormouse.models.user import import_function; assert import_function('seeing:make')() == 3"
    subprocess.run([sys.executable, "-c", check], cwd=tmp_path, check=True)
