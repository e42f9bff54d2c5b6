"""Reading one recording of realistic size over HTTP: bytes moved and time, against remfile and a whole download.

100 cells, 114,000 frames, four sets of traces, scenes of 918 x 1174. Readers fetch the cells, the table of natural scenes,
dF/F of all cells and one scene. Every request waits 30 ms, as one over the internet may.

python tests/benchmarks/streaming.py [--latency SECONDS]
"""

import argparse
import io
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import h5py
import remfile
import requests
from measure import print_machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from observatory import RECORDINGS
from session_files import write_session
from sessions import FULL, PIPELINE, STACK
from web import File, serving

from dormouse.recordings.remote import RemoteFile

WANTED = (
    f"{PIPELINE}/ImageSegmentation/cell_specimen_ids",
    "stimulus/presentation/natural_scenes_stimulus/data",
    "stimulus/presentation/natural_scenes_stimulus/frame_duration",
    f"{PIPELINE}/DfOverF/imaging_plane_1/data",
)
READERS = {
    "dormouse": RemoteFile,
    "remfile": remfile.File,
    "whole download": lambda address: io.BytesIO(requests.get(address).content),
}


def main() -> None:
    """Print a table for each layout of the traces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.03)
    latency = parser.parse_args().latency

    def late(answer):
        time.sleep(latency)
        return answer

    print_machine("h5py", "remfile")
    with tempfile.TemporaryDirectory() as folder, serving() as web:
        for storage in ("contiguous", "chunked", "gzip"):
            path = Path(folder) / "recording.nwb"
            path.unlink(missing_ok=True)
            write_session(path, RECORDINGS[0], replace(FULL, movie=(1, 304, 608), sparse=True, storage=storage))
            web.files["/recording.nwb"] = File(path, {"ETag": f'"{storage}"'})
            web.always(late)
            size = path.stat().st_size
            print(f"\n{storage}, {size / 1e6:.0f} MB\n")
            print("| | seconds | MB moved | of the file | requests |\n|---|---:|---:|---:|---:|")
            for name, reader in READERS.items():
                web.requests.clear()
                start = time.perf_counter()
                source = reader(f"{web.address}/recording.nwb")
                with h5py.File(source, "r") as file:
                    read = source.whole if isinstance(source, RemoteFile) else lambda dataset: dataset[()]
                    values = [read(file[part]) for part in WANTED] + [file[STACK][3]]
                seconds, moved = time.perf_counter() - start, web.sent()
                assert len(values[3]) == FULL.n_cells
                print(f"| {name} | {seconds:.2f} | {moved / 1e6:.1f} | {moved / size:.1%} | {len(web.requests)} |")


if __name__ == "__main__":
    main()
