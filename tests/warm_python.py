"""Python for the jobs of tests: each job is forked from a process that has imported the libraries, which saves seconds.

A job is still a process of its own, and imports the package itself. Snakemake starts a small command in the place of Python,
which passes the script on and waits for it (`ask_warm_python`). If that command is killed, the job ends, too.
"""

import atexit
import fcntl
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

import ask_warm_python
from ask_warm_python import END

LIBRARIES = ("pandas", "pyarrow.parquet", "scipy.stats", "scipy.signal", "h5py", "PIL.Image", "numba", "seaborn", "torch")
LIBRARIES += ("snakemake.script", "psutil", "sqlite3", "requests", "jsonschema", "jinja2", "safetensors", "altair")
LIBRARIES += ("sklearn.random_projection", "matplotlib.backends.backend_pdf", "torch._dynamo")  # which torchvision imports


@cache
def warm_python() -> str:
    """Return the path of a command that runs a script, or a module by `-P -m`, as Python does; all else is left to Python."""
    folder = Path(tempfile.mkdtemp(prefix="python-"))
    door, command = folder / "door", folder / "python"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # it ends with this process, which holds the other end of its standard input
    subprocess.Popen([sys.executable, __file__, str(door)], stdin=subprocess.PIPE, cwd=folder, env=environment)
    python, ask = f"'{sys.executable}'", f"'{ask_warm_python.__file__}' '{door}'"
    command.write_text(f'#!/bin/sh\ncase $1 in *.py|-P) exec {python} -ISs {ask} "$@";; *) exec {python} "$@";; esac\n')
    command.chmod(0o755)
    return str(command)


def serve(door: str) -> None:
    """Import the libraries, and fork a process for every request until standard input ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(door)
        listening.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _run(connection)
            connection.close()
    shutil.rmtree(Path(door).parent)


def _run(connection: socket.socket) -> None:
    """Become the process of a script."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    request = b""
    while not request.endswith(END):
        part = connection.recv(1 << 16)
        if not part:  # whoever asked was killed
            os._exit(1)
        request += part
    told = json.loads(request)
    # whoever asked sends no more: the next that happens on this connection is its end, which ends this process, too
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, buffering=1, closefd=False) for n, mode in enumerate("rww"))
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["environment"])
    module = told["arguments"][:2] == ["-P", "-m"]
    sys.argv = told["arguments"][2 * module :]
    beside = [] if module else [str(Path(sys.argv[0]).parent)]
    own = [*beside, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:] = [*own, *(path for path in sys.path[1:] if path not in own)]
    code = 0
    try:
        (runpy.run_module if module else runpy.run_path)(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    connection.sendall(str(code).encode())
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
