"""What holds for every test, also where pytest is called by hand and not by `make test`."""

from __future__ import annotations

import os

# Before anything imports torch or huggingface_hub. With one thread tiny models are faster, and sums keep one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from hypothesis import settings

settings.register_profile("busy", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("busy")
