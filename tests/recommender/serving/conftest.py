from collections.abc import Iterator

import pytest
from django.core.cache import cache

from recommender.serving import champion


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """What a web process keeps between requests: loaded models, and what trends."""
    cache.clear()
    champion._loaded.clear()
    champion._unreadable_until.clear()
    yield
    cache.clear()
