"""What jobs cost: a forecast before a run, and after it the slowest jobs and the peak memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import pandas as pd

ON_GPU = ("extract_features", "extract_zscored_features", "train_network")
LONG = (*ON_GPU, "read_recording", "score_responses", "resample_scores")  # what most of the time goes into
N_SLOWEST = 5  # jobs that are told at the end of a run
# ASSUME sizes in a forecast, which only says what order of cost to expect
BYTES_PER_PARAMETER = 4
BYTES_PER_RECORDING = 47e6  # read by range: measured for 100 cells (docs/benchmarks.md)
LAYERS_PER_NETWORK = 176  # 14,813 layers of 84 networks (Conwell et al. 2021)
BYTES_PER_PAIR = 6  # of images, in the kernel of a layer


def forecast(
    jobs: Sequence[tuple[str, str]],
    parameters: Mapping[str, int],
    n_kernels: int,
    n_images: int,
    ranges: bool,
    records: Iterable[Mapping],
) -> list[str]:
    """Return what a run will do and what that costs, as lines of text.

    Parameters
    ----------
    jobs : rule and model of every job that is to be done; no model where a job has none
    parameters : number of parameters of each model that is known
    n_kernels, n_images : kernels that each network leaves, and images that it sees
    ranges : whether recordings are read by range from the service
    records : of jobs that were done before, see `provenance.read_records`
    """
    n = Counter(rule for rule, _ in jobs)
    networks = n["extract_features"] + n["extract_zscored_features"]
    done = {
        "networks": n["extract_features"],
        "recordings": n["read_recording"],
        "training runs": n["train_network"],
        "other jobs": len(jobs) - networks - n["read_recording"] - n["train_network"],
    }
    fetched = {
        "weights": BYTES_PER_PARAMETER * sum(parameters.get(model, 0) for rule, model in jobs if rule == "download_weights"),
        "recordings": BYTES_PER_RECORDING * n["read_recording"] * ranges,
    }
    kernels = n["extract_features"] * n_kernels * LAYERS_PER_NETWORK * n_images * (n_images - 1) / 2 * BYTES_PER_PAIR
    lines = ["To do: " + ", ".join(f"{count} {what if count > 1 else what[:-1]}" for what, count in done.items() if count)]
    if any(fetched.values()):
        lines.append("To fetch: about " + ", ".join(f"{_size(size)} of {what}" for what, size in fetched.items() if size))
    if kernels:
        lines.append(f"Disk: about {_size(kernels)} of kernels")
    return lines + _times(n, records)


def _times(n: Counter, records: Iterable[Mapping]) -> list[str]:
    """Return how long jobs will take together, by how long jobs of the same rule took before."""
    took: dict[str, list[float]] = {}
    for record in records:
        took.setdefault(record["rule"], []).append(record["seconds"])
    parts = {"jobs with a GPU": [rule for rule in n if rule in ON_GPU], "others": [rule for rule in n if rule not in ON_GPU]}
    known = {what: [rule for rule in rules if rule in took] for what, rules in parts.items()}
    told = {what: duration(sum(n[rule] * median(took[rule]) for rule in rules)) for what, rules in known.items() if rules}
    new = sorted(rule for rule in n if rule in LONG and rule not in took)
    lines = ["Time: " + ", ".join(f"{seconds} of {what}" for what, seconds in told.items())] if told else []
    if lines:
        lines[0] += ", one after the other, as such jobs took before"
    return lines + ([f"Time not known before the first of its kind has run: {', '.join(new)}"] if new else [])


def job_table(records: Iterable[Mapping]) -> pd.DataFrame:
    """Return what jobs took, slowest first.

    Returns
    -------
    job : rule and wildcards
    started : time of its start (UTC)
    seconds : from its start to its end
    cpu_share : CPU time over the time of the cores that it had
    peak_mib : peak memory, MiB
    asked_mb : memory that it asked for, MB; missing where it asked for none
    machine : name of the machine
    """
    rows = [
        {
            "job": " ".join([record["rule"], *record["wildcards"].values()]),
            "started": record["started"],
            "seconds": record["seconds"],
            "cpu_share": record["cpu_seconds"] / max(record["seconds"] * record["asked"]["threads"], 1e-9),
            "peak_mib": record["peak_mib"],
            "asked_mb": record["asked"]["mem_mb"],
            "machine": record["machine"]["name"],
        }
        for record in records
    ]
    columns = ["job", "started", "seconds", "cpu_share", "peak_mib", "asked_mb", "machine"]
    return pd.DataFrame(rows, columns=columns).sort_values("seconds", ascending=False, kind="stable", ignore_index=True)


def summary(jobs: pd.DataFrame, since: str) -> list[str]:
    """Return the slowest jobs of `job_table` that started at a time or later, and the most memory that one took."""
    jobs = jobs[jobs.started >= since]
    if jobs.empty:
        return []
    slowest = [f"{row.job} {duration(row.seconds)}" for row in jobs[:N_SLOWEST].itertuples()]
    largest = jobs.loc[jobs.peak_mib.idxmax()]
    return [f"Slowest jobs: {'; '.join(slowest)}", f"Peak memory: {largest.peak_mib} MiB, {largest.job}"]


def duration(seconds: float) -> str:
    """Return a duration in words, such as 4.2 s, 12 min, 3.4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes / 1e6, 1):.0f} MB"
