"""From rows to arrays: the events, ratings and content vectors that training and evaluation read."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from catalog.models import Product
from catalog.selectors import content_matrix
from catalog.vectors import live_encoder
from feedback.models import Event
from personas.models import SCALE
from personas.selectors import published_ratings
from recommender.ml.dataset import Interactions, kind_code

PERSONA_LIKES_FROM = 7.0
"""A persona's expected rating from which a product counts as something it would take."""

LIKES_FROM_INDEX = SCALE.index(int(PERSONA_LIKES_FROM))

PERSONA_WEIGHT = 0.3
"""What a persona's certain like weighs beside a shopper's: an opinion, not a deed. An uncertain one weighs less, by the
probability that its distribution gives to liking."""


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
            "user": i.user, "item": i.item, "time": i.time, "weight": i.weight, "synthetic": i.synthetic,
            "content": i.content, "product_ids": self.product_ids, "kind": i.kind, "user_features": i.user_features,
            **{f"group.{name}": group for name, group in i.groups.items()},
        }  # fmt: skip
        meta = {"n_users": i.n_users, "n_items": i.n_items, "user_ids": self.user_ids, "window": self.window}
        temporary = path.with_suffix(".partial")
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)
        path.with_suffix(".json").write_text(json.dumps(meta))
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Dataset":
        arrays, meta = load_file(path), json.loads(path.with_suffix(".json").read_text())
        interactions = Interactions(
            n_users=meta["n_users"],
            n_items=meta["n_items"],
            **{name: arrays[name] for name in _STORED},
            groups={name.removeprefix("group."): group for name, group in arrays.items() if name.startswith("group.")},
        )
        return cls(interactions, arrays["product_ids"], meta["user_ids"], meta["window"])


def build_dataset() -> Dataset:
    """All visible products, the positive events of consenting visitors, and published persona ratings."""
    rows = list(Product.objects.visible().order_by("pk").values_list("pk", "brand_id", "category_id"))
    product_ids = np.array([pk for pk, _, _ in rows], dtype=np.int64)
    item_of = {int(pk): index for index, pk in enumerate(product_ids)}
    users: dict[str, int] = {}
    user, item, time, weight, synthetic, kind = [], [], [], [], [], []

    configured: dict[str, float] = settings.FASHIONREC["REWARDS"]
    rewards = {name: value for name, value in configured.items() if value > 0}
    events = (
        Event.objects.filter(
            visitor__consented=True, retracted_by__isnull=True, type__in=list(rewards), product__isnull=False
        )
        .order_by("occurred_at", "pk")
        .values_list("visitor_id", "product_id", "type", "occurred_at")
    )
    first = last = None
    for visitor_id, product_id, event_type, occurred_at in events.iterator(chunk_size=10_000):
        index = item_of.get(product_id)
        if index is None:
            continue
        user.append(users.setdefault(str(visitor_id), len(users)))
        item.append(index)
        time.append(occurred_at.timestamp())
        weight.append(rewards[event_type])
        synthetic.append(False)
        kind.append(kind_code(event_type))
        first, last = first or occurred_at, occurred_at
    event_count = len(user)

    for persona_key, product_id, rating, distribution in published_ratings():
        index = item_of.get(product_id)
        if index is None or rating < PERSONA_LIKES_FROM:
            continue
        user.append(users.setdefault(f"persona:{persona_key}", len(users)))
        item.append(index)
        time.append(0.0)  # opinions have no order
        weight.append(PERSONA_WEIGHT * sum(distribution[LIKES_FROM_INDEX:]))
        synthetic.append(True)
        kind.append(kind_code("rating"))

    interactions = Interactions.from_events(
        n_users=len(users),
        n_items=len(product_ids),
        user=user,
        item=item,
        time=time,
        weight=weight,
        synthetic=synthetic,
        content=content_matrix(product_ids.tolist()),
        kind=kind,
        groups={"brand": _numbered([brand for _, brand, _ in rows]), "category": _numbered([c for *_, c in rows])},
    ).deduplicated()
    window = {
        "first": _iso(first),
        "last": _iso(last),
        "events": event_count,
        "interactions": len(interactions.user),
        "persona_likes": len(user) - event_count,
        "products": len(product_ids),
        "users": len(users),
        "fingerprint": _fingerprint(interactions, product_ids),
        # Whose content vectors the towers learned to read: those of another encoder would be noise to them.
        "encoder": str(encoder) if (encoder := live_encoder()) else None,
    }
    return Dataset(interactions, product_ids, list(users), window)


def _numbered(keys: list[int | None]) -> NDArray[np.int64]:
    """(N,) int64: the same number for the same key, −1 for None."""
    numbers: dict[int, int] = {}
    return np.array([-1 if key is None else numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _fingerprint(interactions: Interactions, product_ids: NDArray[np.int64]) -> str:
    digest = hashlib.sha256()
    for array in (interactions.user, interactions.item, interactions.time, interactions.weight, product_ids):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
