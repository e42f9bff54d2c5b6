"""One run at a time in a folder of results; what cannot be locked or kept is told, or done without."""

import pytest

from dormouse.content_hash import file_hash
from dormouse.errors import InputError
from dormouse.run.lock import is_locked, lock_results


@pytest.mark.parametrize("spoil", ["file", "lock"])
def test_a_folder_that_cannot_be_locked_is_named(tmp_path, spoil):
    """Nothing is known of a lock that cannot be read; the start of a run says so."""
    if spoil == "file":
        (tmp_path / "results").write_text("")
    else:
        (tmp_path / "results/run.lock").mkdir(parents=True)
    assert not is_locked(tmp_path / "results")
    with pytest.raises(InputError, match=r"results/run\.lock: cannot be written \(.*\)\. Let this user write there, and run"):
        lock_results(tmp_path / "results")


def test_contents_are_known_where_nothing_can_be_kept_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake").write_text("")
    (tmp_path / "a").write_text("a")
    assert file_hash("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
