"""Who holds a file keeps others out until it is closed; where there are no locks everybody passes."""

import errno
import fcntl
from pathlib import Path

import pytest

from curation import locks


def test_one_holds_it_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as first, path.open("w") as second:
        assert locks.take(first.fileno())
        assert not locks.take(second.fileno())
        first.close()
        assert locks.take(second.fileno())


def test_a_file_system_without_locks_lets_everybody_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_number: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with (tmp_path / "lock").open("w") as file:
        assert locks.take(file.fileno())
