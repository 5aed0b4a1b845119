"""Worker-side work: models learn of products that came after their training. Nothing is trained."""

import structlog

from fashionrec.common.artifacts import fetch_directory
from recommender.extensions import added_products, catalogue_mark
from recommender.ml.artifact import read_items
from recommender.ml.scorers import load_scorer
from recommender.models import ModelVersion
from recommender.selectors import versions_in_use
from recommender.services.extensions import record_extension

logger = structlog.get_logger(__name__)


def place_new_products() -> int:
    """Bring the versions in use up to the catalogue; returns how many item vectors were written.

    The champion, the one before it, the challenger and the parts of blends among them. Each new product gets a vector
    from its content, a changed one another; the web, told by the version's `extension`, reads them with its next
    request. Repeating it changes nothing: when no content vector changed it ends after two queries.
    """
    versions = versions_in_use()
    if not versions:
        return 0
    mark = catalogue_mark()
    return sum(_extend(version, mark) for version in versions if version.catalogue_mark != mark)


def _extend(version: ModelVersion, mark: str) -> int:
    try:
        directory = fetch_directory(version.artifact_sha256)
        trained = {int(pk) for pk in read_items(directory)}
        added = added_products(version, trained)
        vectors = None
        if added.digest != version.extension and len(added):
            scorer = load_scorer(directory).extended(added.content())
            vectors = getattr(scorer, "item_vectors", None)
    except Exception as error:  # each file format raises errors of its own; one lost artifact must not stop the rest
        logger.error("version_not_extended", version=version.name, error=str(error))
        return 0
    written = record_extension(
        version=version, added=added, vectors=None if vectors is None else vectors[len(trained) :], mark=mark
    )
    if len(added):
        logger.info("products_added", version=version.name, products=len(added), vectors=written)
    return written
