"""What tests of checks share."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def unloaded_kernels() -> Iterator[None]:
    """Leave other tests without the kernels: once loaded they are used for few texts too."""
    was = "curation.fast.compiled" in sys.modules
    yield
    if not was:
        sys.modules.pop("curation.fast.compiled", None)
