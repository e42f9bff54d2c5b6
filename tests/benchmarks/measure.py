"""Time and peak memory of commands, each in a fresh process and its children; prints them as tables with ratios.

Run by itself it measures one command: python tests/benchmarks/measure.py make demo
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil

INTERVAL_S = 0.5


def run(command: list[str]) -> tuple[float, float]:
    """Return wall time (s) and peak resident memory (MiB, summed over the process and its children) of a command."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command)
    root = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for part in [root, *_children(root)]:
            try:
                # pages that processes share count once, in parts
                total += part.memory_full_info().pss
            except psutil.Error:
                continue
        peak = max(peak, total)
        time.sleep(INTERVAL_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - start, peak / 2**20


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def contest(script: str, contenders: list[str], arguments: list[str], repeats: int, threads: int) -> dict[str, dict]:
    """Run `script CONTENDER OUTPUT ARGUMENTS...` for each contender in turn, `repeats` times, and return the results.

    The script writes to OUTPUT a JSON object with `seconds`, the time of the work without imports and preparation, and
    whatever else is to be compared, which is kept from the first run. Medians are over the repeats.
    """
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    runs: dict[str, list[dict]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name in contenders:
            with tempfile.TemporaryDirectory() as folder:
                output = Path(folder) / "result.json"
                process = subprocess.Popen(
                    [sys.executable, script, name, str(output), *arguments], env=os.environ | limits, stderr=subprocess.DEVNULL
                )
                _, status, usage = os.wait4(process.pid, 0)
                if status:
                    raise SystemExit(f"{script} {name} ended with {os.waitstatus_to_exitcode(status)}")
                runs[name].append(json.loads(output.read_text()) | {"peak_mib": usage.ru_maxrss / 1024})
    return {
        name: results[0] | {key: statistics.median(r[key] for r in results) for key in ("seconds", "peak_mib")}
        for name, results in runs.items()
    }


def print_table(title: str, results: dict[str, dict], reference: str) -> None:
    """Print the results of a contest as a Markdown table, with ratios to the contender `reference`."""
    base = results[reference]
    print(f"\n{title}\n\n| | seconds | ratio | peak MiB | ratio |\n|---|---:|---:|---:|---:|")
    for name, result in results.items():
        time_ratio, memory_ratio = result["seconds"] / base["seconds"], result["peak_mib"] / base["peak_mib"]
        print(f"| {name} | {result['seconds']:.2f} | {time_ratio:.2f} | {result['peak_mib']:.0f} | {memory_ratio:.2f} |")


def print_machine(*libraries: str) -> None:
    """Print what the numbers depend on: machine, load, versions."""
    load = os.getloadavg()[0]
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, {versions}")


if __name__ == "__main__":
    seconds, peak_mib = run(sys.argv[1:])
    print(f"{seconds:.0f} s, peak {peak_mib / 1024:.2f} GiB", file=sys.stderr)
