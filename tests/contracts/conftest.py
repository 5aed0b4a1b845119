from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def fresh_throttle() -> Iterator[None]:
    """The throttle counts in the cache of this process, across tests."""
    cache.clear()
    yield
    cache.clear()
