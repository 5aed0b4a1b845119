"""From rows to arrays: the events, ratings and content vectors that training and evaluation read."""

import hashlib
import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from catalog.models import Product
from catalog.selectors import content_matrix
from catalog.vectors import live_encoder
from fashionrec.common.batching import batched
from personas.models import SCALE
from personas.selectors import published_ratings
from recommender.dataset_stream import stream_events
from recommender.ml.dataset import Interactions, kind_code
from recommender.ml.mapped_arrays import blocks, load_mapped, save_mapped
from recommender.ml.provenance import fade_synthetic
from recommender.ml.stored_interactions import InteractionsWriter
from recommender.stated_preferences import PSEUDO_USER, encode_statements, user_statements

PERSONA_LIKES_FROM = 7.0
"""A persona's expected rating from which a product counts as something it would take."""

LIKES_FROM_INDEX = SCALE.index(int(PERSONA_LIKES_FROM))

PERSONA_WEIGHT = 0.3
"""What a persona's certain like weighs beside a shopper's: an opinion, not a deed. An uncertain one weighs less, by the
probability that its distribution gives to liking."""


PERSONA_FADES_AT = 20.0
"""Shoppers who took a product, at whom what personas say of it counts half: deeds take the place of opinions.

Shoppers whose last products are held out count as well; that only makes personas' words on those products weigh less.
"""

_STORED = ("user", "item", "time", "weight", "synthetic", "content", "kind", "user_features")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions with the rows they stand for.

    product_ids: primary key by item index. user_ids: visitor uuid, or "persona:<key>", by user index.
    """

    interactions: Interactions
    product_ids: NDArray[np.int64]
    user_ids: list[str]
    window: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        return str(self.window["fingerprint"])

    def save(self, path: Path) -> None:
        """Write a snapshot, so that a resumed training sees the data it began with."""
        i = self.interactions
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {
            **{name: getattr(i, name) for name in _STORED},
            "product_ids": self.product_ids,
            **{f"group.{name}": group for name, group in i.groups.items()},
        }
        meta = {"n_users": i.n_users, "n_items": i.n_items, "user_ids": self.user_ids, "window": self.window}
        temporary = path.with_suffix(".partial")
        save_mapped(arrays, temporary)
        path.with_suffix(".json").write_text(json.dumps(meta))
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Dataset":
        """A snapshot, whose arrays stay in its file until they are touched."""
        arrays, meta = load_mapped(path), json.loads(path.with_suffix(".json").read_text())
        interactions = Interactions(
            n_users=meta["n_users"],
            n_items=meta["n_items"],
            **{name: arrays[name] for name in _STORED},
            groups={name.removeprefix("group."): group for name, group in arrays.items() if name.startswith("group.")},
        )
        return cls(interactions, arrays["product_ids"], meta["user_ids"], meta["window"])


def build_dataset(directory: Path | None = None, *, repeats: bool = False, fading: bool = True) -> Dataset:
    """All visible products, the positive events of consenting visitors, and published persona ratings.

    They stream from the database into files that the arrays are mapped from, in `directory`, or without names in the
    temporary folder: memory does not grow with the events.
    repeats: every event, not only a shopper's first with each product; for evaluation that divides them by time.
    fading: whether personas' ratings of a product weigh less the more shoppers took it (PERSONA_FADES_AT).
    """
    with ExitStack() as files:
        folder = directory or Path(files.enter_context(TemporaryDirectory(prefix="fashionrec-dataset-")))
        return _build(folder, repeats=repeats, fading=fading)


def _build(folder: Path, *, repeats: bool, fading: bool) -> Dataset:
    rows = list(Product.objects.visible().order_by("pk").values_list("pk", "brand_id", "category_id"))
    product_ids = np.array([pk for pk, _, _ in rows], dtype=np.int64)
    configured: dict[str, float] = settings.FASHIONREC["REWARDS"]
    rewards = {name: value for name, value in configured.items() if value > 0}
    users: list[str] = []
    encoder = live_encoder()
    with closing(InteractionsWriter(folder, n_items=len(product_ids), repeats=repeats)) as writer:
        streamed = stream_events(writer, users=users, product_ids=product_ids, rewards=rewards)
        persona_likes = _append_persona_likes(writer, users=users, product_ids=product_ids)
        interactions = writer.finish(
            n_users=len(users),
            content=content_matrix(product_ids.tolist()),
            groups={"brand": _numbered([brand for _, brand, _ in rows]), "category": _numbered([c for *_, c in rows])},
            user_features=encode_statements(user_statements(users), encoder=encoder),
        )
    if fading:
        interactions = fade_synthetic(interactions, half=PERSONA_FADES_AT)
    window = {
        "first": _iso(streamed.first),
        "last": _iso(streamed.last),
        "events": streamed.events,
        "interactions": len(interactions.user),
        "persona_likes": persona_likes,
        "products": len(product_ids),
        "users": len(users),
        "fingerprint": _fingerprint(interactions, product_ids, str(encoder or "")),
        # Whose content vectors the towers learned to read: those of another encoder would be noise to them.
        "encoder": str(encoder) if encoder else None,
    }
    return Dataset(interactions, product_ids, users, window)


def _append_persona_likes(writer: InteractionsWriter, *, users: list[str], product_ids: NDArray[np.int64]) -> int:
    """What each persona likes, as the events of a synthetic user, who is added to `users`; returns how many."""
    item_of = {int(pk): index for index, pk in enumerate(product_ids)}
    likes, newest = 0, None
    for ratings in batched(published_ratings(), 10_000):  # one persona's follow each other
        user, item, weight = [], [], []
        for persona_key, product_id, rating, distribution in ratings:
            index = item_of.get(product_id)
            if index is None or rating < PERSONA_LIKES_FROM:
                continue
            if persona_key != newest:
                newest = persona_key
                users.append(f"{PSEUDO_USER}{persona_key}")
            user.append(len(users) - 1)
            item.append(index)
            weight.append(PERSONA_WEIGHT * sum(distribution[LIKES_FROM_INDEX:]))
        writer.append(
            user=np.array(user, dtype=np.int64),
            item=np.array(item, dtype=np.int64),
            time=np.zeros(len(user)),  # opinions have no order
            weight=np.array(weight, dtype=np.float32),
            synthetic=np.ones(len(user), dtype=bool),
            kind=np.full(len(user), kind_code("rating"), dtype=np.uint8),
        )
        likes += len(user)
    return likes


def _numbered(keys: list[int | None]) -> NDArray[np.int64]:
    """(N,) int64: the same number for the same key, −1 for None."""
    numbers: dict[int, int] = {}
    return np.array([-1 if key is None else numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _fingerprint(interactions: Interactions, product_ids: NDArray[np.int64], encoder: str) -> str:
    digest = hashlib.sha256(encoder.encode())
    for array in (interactions.user, interactions.item, interactions.time, interactions.weight, product_ids):
        for block in blocks(len(array)):
            digest.update(array[block].tobytes())
    return digest.hexdigest()[:16]
