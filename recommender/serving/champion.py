"""The model that serves, held in memory; each request checks one row to see whether it is still the one.

The same row says when products were added since the training. They then follow the trained ones, placed by content.
"""

import threading
import time
from dataclasses import dataclass, replace

import numpy as np
import structlog
from numpy.typing import NDArray

from catalog.models import Encoder
from fashionrec.common.artifacts import fetch_directory
from feedback.selectors import ShopperState
from recommender.extensions import added_products
from recommender.ml.artifact import read_items
from recommender.ml.dataset import History, kind_code
from recommender.ml.scorers import Scorer, load_scorer
from recommender.models import ModelVersion
from recommender.selectors import champion
from recommender.stated_preferences import encoder_called, stated_vector

logger = structlog.get_logger(__name__)

RETRY_SECONDS = 15
"""How long a champion that could not be read is left alone: requests must not queue for a storage that is away."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """product_ids: (n_items,) int64 primary keys by item index; index_of: the way back.

    extension: digest of the products that were added since training, as in ModelVersion.
    trained: the model without them; None when it has none.
    encoder: whose vectors of what shoppers stated the model has learned to read; None where it is gone.
    """

    name: str
    scorer: Scorer
    product_ids: NDArray[np.int64]
    index_of: dict[int, int]
    extension: str = ""
    trained: "LoadedModel | None" = None
    encoder: Encoder | None = None

    def history(self, shopper: ShopperState) -> History:
        """What this model can know of a shopper: the products it has, in the given order."""
        known = [place for place, pk in enumerate(shopper.history) if pk in self.index_of]
        return History(
            items=np.array([self.index_of[shopper.history[place]] for place in known], dtype=np.int64),
            kind=np.array([kind_code(shopper.kinds[place]) for place in known], dtype=np.uint8),
            time=np.array([shopper.times[place] for place in known], dtype=np.float64),
            features=stated_vector(shopper, encoder=self.encoder),
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
                    model = extended_model(load_model(version), version)
                except Exception as error:  # each file format raises errors of its own
                    logger.error("champion_unreadable", version=version.name, error=str(error))
                    _unreadable_until[version.pk] = time.monotonic() + RETRY_SECONDS
                    return None
                # The previous champion stays loaded: a rollback serves at once.
                while len(_loaded) > 1:
                    _loaded.pop(next(iter(_loaded)))
                _loaded[version.pk] = model
    elif model.extension != version.extension and _lock.acquire(blocking=False):
        # One request reads the new products; the others are answered by what is there.
        try:
            model = _loaded[version.pk] = extended_model(model, version)
        finally:
            _lock.release()
    return model


def extended_model(model: LoadedModel, version: ModelVersion) -> LoadedModel:
    """`model` with the products that the version's extension tells of; as it was trained when they cannot be added."""
    trained = model.trained or model
    if not version.extension:
        return trained
    try:
        added = added_products(version, trained.index_of)
        scorer = trained.scorer.extended(added.content())
    except Exception as error:  # a model may refuse what it is given: it goes on with what it knows
        logger.error("champion_not_extended", version=version.name, error=str(error))
        return replace(trained, extension=version.extension, trained=trained)
    product_ids = np.concatenate([trained.product_ids, added.product_ids])
    return LoadedModel(
        name=trained.name,
        scorer=scorer,
        product_ids=product_ids,
        index_of={int(pk): index for index, pk in enumerate(product_ids)},
        extension=version.extension,
        trained=trained,
        encoder=trained.encoder,
    )


def load_model(version: ModelVersion) -> LoadedModel:
    """Fetch and open a version's artifact. Raises ArtifactError, or what the file formats raise."""
    directory = fetch_directory(version.artifact_sha256)
    product_ids = np.array([int(pk) for pk in read_items(directory)], dtype=np.int64)
    return LoadedModel(
        name=version.name,
        scorer=load_scorer(directory),
        product_ids=product_ids,
        index_of={int(pk): index for index, pk in enumerate(product_ids)},
        encoder=encoder_called(version.data_window.get("encoder")),
    )
