"""What holds for every test, also where pytest is called by hand and not by `make test`."""

from __future__ import annotations

import os

# Before anything imports torch or huggingface_hub. With one thread tiny models are faster, and sums keep one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from hypothesis import settings

# A busy machine is no fault of the code, so no deadline. The gate tries the same examples every time: what passes here
# passes there. `make fuzz` looks for new ones.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
