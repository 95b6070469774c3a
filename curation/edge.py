"""What went wrong → one line and an exit code: the last thing between a failure and a person's screen or ticket.

An error of our own says its line itself (errors.py). Of all others, which may quote what they choked on, no message is
ever shown, in `--debug` neither: only what kind of error it was, and where in the program.
"""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from curation.errors import CurationError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_stops: list[int] = []  # signals that told this process to end


def stoppable() -> None:
    """End in good order on Ctrl-C and when told to (SIGTERM), and know of it.

    A library that calls us makes a failure of its own of what a signal raises: Polars of an expression that failed.
    """
    _stops.clear()
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as in the background
        signal.signal(signal.SIGINT, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    _stops.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def stopped() -> int | None:
    """Return the exit code where a signal told us to end: 130 or 143."""
    return 128 + _stops[-1] if _stops else None


def said(fault: BaseException) -> tuple[str, int]:
    """Return the line for a failure, and the exit code; whatever fails once a signal came, it was the signal."""
    told = 130 if isinstance(fault, KeyboardInterrupt) else stopped()
    if told is not None:
        return "interrupted", told
    code = getattr(fault, "exit_code", None)
    if isinstance(fault, CurationError) or type(fault).__module__ == "training.errors":
        return one_line(str(fault)), code if isinstance(code, int) else 4
    if isinstance(fault, MemoryError):
        return "there is not enough memory for this; give fewer logs at a time, or use a larger machine", 4
    if disk_is_full(fault):
        return f"{_file(fault)}: the disk is full, or the file larger than is allowed; make room and run it again", 4
    if isinstance(fault, OSError) and fault.filename is not None:
        return f"{_file(fault)}: {fault.strerror or type(fault).__name__}", 4
    place = _place(fault.__traceback__)
    cure = "run it again with --debug to see where, and report it"
    return f"siftune failed inside ({type(fault).__name__} at {place}); {cure}", 4


def disk_is_full(fault: BaseException) -> bool:
    """Tell whether something could not be written for want of room; Polars and SQLite say it in words of their own."""
    if isinstance(fault, OSError) and fault.errno is not None:
        return fault.errno in FULL
    text = str(fault) if type(fault).__module__.startswith(("polars", "sqlite3", "builtins")) else ""
    return any(f"(os error {number})" in text for number in FULL) or "database or disk is full" in text


def tell(line: str) -> None:
    """Print a line for whoever looks on; a full disk behind it is no reason to end, nor to hide how the work ended."""
    try:
        sys.stderr.write(f"{line}\n")
    except OSError as fault:
        if not disk_is_full(fault):
            raise


def one_line(text: str) -> str:
    """Return a message as the one line that it is to be, whatever a file's name has in it; nothing moves the cursor."""
    return "".join(char if char.isprintable() or char == " " else repr(char)[1:-1] for char in text)


def where(fault: BaseException) -> str:
    """Return the way through the program to a failure, and to what caused it: code only, no message."""
    lines, one = list[str](), fault
    while True:
        lines = [
            *traceback.format_tb(one.__traceback__),
            f"{type(one).__name__} (its message may quote a record)\n",
            *lines,
        ]
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is None:
            return "".join(lines)
        one = before
        lines.insert(0, "and from there:\n")


def _file(fault: BaseException) -> str:
    name = getattr(fault, "filename", None)
    return str(name) if name is not None else "writing"


def _place(found: TracebackType | None) -> str:
    frames = traceback.extract_tb(found)
    if not frames:
        return "an unknown place"
    ours = [frame for frame in frames if Path(frame.filename).parent.parent == Path(__file__).parent.parent] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
