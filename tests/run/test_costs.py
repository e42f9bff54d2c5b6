"""What a run is forecast to cost, and what its jobs took."""

import pytest

from dormouse.run.costs import duration, forecast, job_table, summary


def record(rule, seconds, started="2026-01-01T00:00:00+00:00", **changed):
    asked = {"threads": 2, "mem_mb": 1000, "runtime": None, "gpu": None}
    parts = {
        "wildcards": {"model": "small"},
        "cpu_seconds": seconds,
        "peak_mib": 300,
        "asked": asked,
        "machine": {"name": "node"},
    }
    return {"rule": rule, "seconds": seconds, "started": started} | parts | changed


JOBS = [("extract_features", name) for name in ("a", "b")] + [("download_weights", "a.pth"), ("read_recording", "1")]
JOBS += [("train_network", "digits")]
JOBS += [("score_rdms", "rsa")] * 3


def test_a_forecast_counts_jobs_bytes_disk_and_time():
    records = [record("extract_features", seconds) for seconds in (100, 200, 900)] + [record("read_recording", 3)]
    assert forecast(JOBS, {"a.pth": 25_000_000}, 2, 100, True, records) == [
        "To do: 2 networks, 1 recording, 1 training run, 4 other jobs",
        "To fetch: about 100 MB of weights, 47 MB of recordings",
        f"Disk: about {2 * 2 * 176 * 4950 * 6 / 1e6:.0f} MB of kernels",
        "Time: 7 min of jobs with a GPU, 3.0 s of others, one after the other, as such jobs took before",
        "Time not known before the first of its kind has run: train_network",
    ]


def test_a_forecast_of_nothing_new_tells_no_costs():
    assert forecast([("score_rdms", "rsa")], {}, 2, 100, True, [record("score_rdms", 90)]) == [
        "To do: 1 other job",
        "Time: 2 min of others, one after the other, as such jobs took before",
    ]


def test_jobs_are_listed_slowest_first():
    table = job_table([record("read", 2), record("score", 8, cpu_seconds=4), record("plot", 1)])
    assert list(table.job) == ["score small", "read small", "plot small"]
    assert list(table.cpu_share) == [0.25, 0.5, 0.5]
    assert (table.asked_mb == 1000).all() and (table.machine == "node").all()


def test_the_summary_is_of_jobs_of_this_run():
    old = record("old", 99, started="2025-12-31T23:59:59+00:00", peak_mib=9000)
    lines = summary(job_table([old, record("read", 2, peak_mib=700), record("score", 80)]), "2026-01-01T00:00:00")
    assert lines == ["Slowest jobs: score small 1 min; read small 2.0 s", "Peak memory: 700 MiB, read small"]
    assert summary(job_table([old]), "2026-01-01T00:00:00") == summary(job_table([]), "2026") == []


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (59, "59.0 s"), (100, "2 min"), (5400, "1.5 h")])
def test_durations_are_in_words(seconds, text):
    assert duration(seconds) == text
