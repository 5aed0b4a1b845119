"""The model that serves, held in memory; each request checks one row to see whether it is still the one."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from fashionrec.common.artifacts import fetch_directory
from feedback.selectors import ShopperState
from recommender.ml.artifact import read_items
from recommender.ml.dataset import History, kind_code
from recommender.ml.scorers import Scorer, load_scorer
from recommender.models import ModelVersion
from recommender.selectors import champion

logger = structlog.get_logger(__name__)

RETRY_SECONDS = 15
"""How long a champion that could not be read is left alone: requests must not queue for a storage that is away."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """product_ids: (n_items,) int64 primary keys by item index; index_of: the way back."""

    name: str
    scorer: Scorer
    product_ids: NDArray[np.int64]
    index_of: dict[int, int]

    def history(self, shopper: ShopperState) -> History:
        """What this model can know of a shopper: the products it has, in the given order."""
        known = [place for place, pk in enumerate(shopper.history) if pk in self.index_of]
        return History(
            items=np.array([self.index_of[shopper.history[place]] for place in known], dtype=np.int64),
            kind=np.array([kind_code(shopper.kinds[place]) for place in known], dtype=np.uint8),
            time=np.array([shopper.times[place] for place in known], dtype=np.float64),
            now=time.time(),
        )


_lock = threading.Lock()
_loaded: dict[int, LoadedModel] = {}
_unreadable_until: dict[int, float] = {}


def load_champion() -> LoadedModel | None:
    """The champion, or None when there is none or its files cannot be read (the fallback chain serves then)."""
    version = champion()
    if version is None:
        return None
    model = _loaded.get(version.pk)
    if model is None:
        with _lock:
            model = _loaded.get(version.pk)
            if model is None:
                if time.monotonic() < _unreadable_until.get(version.pk, 0.0):
                    return None
                try:
                    model = load_model(version)
                except Exception as error:  # each file format raises errors of its own
                    logger.error("champion_unreadable", version=version.name, error=str(error))
                    _unreadable_until[version.pk] = time.monotonic() + RETRY_SECONDS
                    return None
                # The previous champion stays loaded: a rollback serves at once.
                while len(_loaded) > 1:
                    _loaded.pop(next(iter(_loaded)))
                _loaded[version.pk] = model
    return model


def load_model(version: ModelVersion) -> LoadedModel:
    """Fetch and open a version's artifact. Raises ArtifactError, or what the file formats raise."""
    directory = fetch_directory(version.artifact_sha256)
    product_ids = np.array([int(pk) for pk in read_items(directory)], dtype=np.int64)
    return LoadedModel(
        name=version.name,
        scorer=load_scorer(directory),
        product_ids=product_ids,
        index_of={int(pk): index for index, pk in enumerate(product_ids)},
    )
