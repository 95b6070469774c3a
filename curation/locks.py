"""One process at a time: advisory locks of open files, which end with their process, however it ends."""

from __future__ import annotations

import fcntl


def take(number: int) -> bool:
    """Lock the open file of this descriptor for this process; False where another holds it.

    A file system without locks (some network disks) lets everybody pass: better two at once than nobody.
    """
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
