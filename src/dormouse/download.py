"""Fetch files over HTTP: once, resumed where a transfer broke off, checked, and under their own name only when complete."""

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tqdm import tqdm

from dormouse.errors import InputError

TIMEOUT_S = 60  # time without a byte
CHUNK_BYTES = 1 << 16  # the most that is lost when a connection breaks off
ATTEMPTS = 5  # per call; each continues where the last broke off
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 120.0  # between attempts; doubled each time, unless the server says how long
BUSY = {408, 425, 429, 500, 502, 503, 504}  # status codes worth another attempt


class Interrupted(Exception):
    """An attempt that failed for a reason that may pass; `wait_s` is how long the server asked to wait, or None."""

    def __init__(self, reason: str, wait_s: float | None = None):
        super().__init__(reason)
        self.wait_s = wait_s


def download(address: str, path: str | Path, sha256: str = "", headers: Mapping[str, str] | None = None) -> None:
    """Fetch `address` to `path`, whole and checked, or not at all.

    What has arrived is kept beside `path` in a hidden .part file. An attempt, or a later call, asks for the rest, on the
    condition that the server still has the same file (RFC 9110, section 13.1.5); otherwise it starts again.

    Parameters
    ----------
    sha256 : digest of the file, or its first digits; empty where none is published
    headers : sent with the request

    Raises InputError if the server refuses or keeps failing, if the disk is full, or if the content has another digest.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        patiently(address, _attempt, address, part, dict(headers or {}), kept="; what has arrived is kept")
    except OSError as error:
        _remove(part)  # it may be what fills the disk
        raise _unwritable(path, error) from error
    found = sha256_of(part)
    if not found.startswith(sha256.lower()):
        _remove(part)
        raise InputError(
            f"{address}: the file that arrived has the SHA-256 {found}, expected {sha256}. It was removed; run again, and if "
            "that does not help, ask where the file is published."
        )
    os.replace(part, path)
    _validator_file(part).unlink(missing_ok=True)


def patiently(address: str, attempt: Callable, *args, kept: str = ""):
    """Return what `attempt` returns; call it again if it raises Interrupted, and raise InputError if it keeps doing so."""
    again = Retrying(retry=retry_if_exception_type(Interrupted), stop=stop_after_attempt(ATTEMPTS), wait=_wait_s, reraise=True)
    try:
        return again(attempt, *args)
    except Interrupted as error:
        raise InputError(f"{address}: {error}, {ATTEMPTS} times. Check the connection and run again{kept}.") from error


def _unwritable(path: str | Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written ({error.strerror or error}). Make room and run again.")


def _wait_s(state: RetryCallState) -> float:
    asked = state.outcome.exception().wait_s
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (state.attempt_number - 1) if asked is None else asked)


def _attempt(address: str, part: Path, headers: dict[str, str]) -> None:
    """Ask for what `part` lacks of `address` and append it."""
    tag = _kept_tag(part, address)
    start = part.stat().st_size if tag else 0
    # identity, so that lengths and positions count the bytes of the file
    asked = headers | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-", "If-Range": tag} if start else {})
    try:
        with requests.get(address, headers=asked, stream=True, timeout=TIMEOUT_S) as answer:
            given = answer.headers.get("Content-Range", "")
            if start and answer.status_code == requests.codes.requested_range_not_satisfiable:
                if given == f"bytes */{start}":
                    return  # everything had arrived
                _start_again(part)
            refuse(answer, address)
            length = answer.headers.get("Content-Length")
            if answer.status_code == requests.codes.partial_content:
                place = re.fullmatch(rf"bytes {start}-\d+/(\d+)", given)
                if not start or not place or tag_of(answer) not in (None, tag):
                    _start_again(part)
                expected = int(place[1])
            else:
                _remove(part)  # and the note on the old version
                start, expected = 0, int(length) if length and not _encoded(answer) else None
            _check_room(part, expected, start)
            if not start:
                _keep_validator(_validator_file(part), address, answer)
            _write(answer, part, start, expected)
    except requests.RequestException as error:
        raise Interrupted(f"broke off ({type(error).__name__}: {error})") from error
    size = part.stat().st_size
    if expected is not None and size < expected:
        raise Interrupted(f"only {size} of {expected} bytes arrived")


def _start_again(part: Path) -> NoReturn:
    """Drop a part that cannot be continued, and ask for another attempt."""
    _remove(part)
    raise Interrupted("the server sent another part than the rest")


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator_file(part).unlink(missing_ok=True)


def _kept_tag(part: Path, address: str) -> str | None:
    """Return the version of the file that `part` is the beginning of, or None if it cannot be continued."""
    try:
        kept = json.loads(_validator_file(part).read_text()) if part.exists() else {}
        return kept["tag"] if kept["address"] == address else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tag_of(answer: requests.Response) -> str | None:
    """Return a tag of the file's exact version, or None; byte positions in a compressed answer are not those of the file."""
    tag = answer.headers.get("ETag", "")
    tag = answer.headers.get("Last-Modified") if not tag or tag.startswith("W/") else tag
    return None if _encoded(answer) else tag


def _encoded(answer: requests.Response) -> bool:
    return answer.headers.get("Content-Encoding", "identity") != "identity"


def refuse(answer: requests.Response, address: str) -> None:
    """Raise InputError for an answer that is neither the file nor a part of it, or Interrupted if waiting may help."""
    if answer.status_code in BUSY:
        asked = answer.headers.get("Retry-After", "")
        raise Interrupted(f"{answer.status_code} {answer.reason}", float(asked) if asked.isdigit() else None)
    if not answer.ok:
        raise InputError(f"{address}: {answer.status_code} {answer.reason}. Check the address and run again.")


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _keep_validator(path: Path, address: str, answer: requests.Response) -> None:
    """Write down which version of the file is arriving; a download whose version is unknown cannot be resumed."""
    if tag := tag_of(answer):
        path.write_text(json.dumps({"address": address, "tag": tag}))
    else:
        path.unlink(missing_ok=True)


def _check_room(part: Path, expected: int | None, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if expected is not None and expected - start > free:
        raise OSError(errno.ENOSPC, f"{expected - start} bytes to come, {free} free")


def _write(answer: requests.Response, part: Path, start: int, expected: int | None) -> None:
    with (
        open(part, "ab" if start else "wb") as file,
        tqdm(total=expected, initial=start, unit="B", unit_scale=True, file=sys.stderr, mininterval=5) as progress,
    ):
        for chunk in answer.iter_content(CHUNK_BYTES):
            progress.update(file.write(chunk))


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
