"""siftune's curation engine: raw customer-service logs in, an SFT set with evidence for every verdict out."""

import sys

__version__ = "0.1.0"

if sys.platform == "win32":  # locks, memory figures and renames of open folders are POSIX's
    raise ImportError("siftune runs on Linux and macOS; on Windows install it in WSL (README.md says how)")
