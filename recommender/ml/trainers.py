"""The registry of model kinds: what can be trained, with which configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.ml.artifact import write_items
from recommender.ml.dataset import Interactions
from recommender.ml.progress import EpochCallback, ignore_progress

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class Trainer:
    """Names of a kind's trainer and configuration in its module, imported only when used."""

    module: str
    function: str
    config: str
    continues: bool = False
    """Whether the trainer takes `warm_start`, and writes weights that a later training can begin with."""

    def config_class(self) -> type:
        return getattr(import_module(self.module), self.config)

    def train(self, *arguments: Any, **options: Any) -> None:
        getattr(import_module(self.module), self.function)(*arguments, **options)


TRAINERS: dict[str, Trainer] = {
    "random": Trainer("recommender.ml.random_baseline", "train_random", "RandomConfig"),
    "popularity": Trainer("recommender.ml.popularity", "train_popularity", "PopularityConfig"),
    "popularity_30d": Trainer("recommender.ml.popularity", "train_popularity_30d", "Popularity30DConfig"),
    "popularity_7d": Trainer("recommender.ml.popularity", "train_popularity_7d", "Popularity7DConfig"),
    "content_knn": Trainer("recommender.ml.content_knn", "train_content_knn", "ContentKNNConfig"),
    "item_knn": Trainer("recommender.ml.item_knn", "train_item_knn", "ItemKNNConfig"),
    "gf_cf": Trainer("recommender.ml.gf_cf", "train_gf_cf", "GFCFConfig"),
    "ease": Trainer("recommender.ml.ease", "train_ease", "EASEConfig"),
    "slist": Trainer("recommender.ml.slist", "train_slist", "SLISTConfig"),
    "transition_knn": Trainer("recommender.ml.transition", "train_transition_knn", "TransitionKNNConfig"),
    "softmax_mf": Trainer("recommender.ml.softmax_mf", "train_softmax_mf", "SoftmaxMFConfig"),
    "lightgcn": Trainer("recommender.ml.lightgcn", "train_lightgcn", "LightGCNConfig"),
    "dropoutnet": Trainer("recommender.ml.dropoutnet", "train_dropoutnet", "DropoutNetConfig"),
    "two_tower": Trainer("recommender.ml.two_tower", "train_two_tower", "TwoTowerConfig", continues=True),
    "graphsage": Trainer("recommender.ml.graphsage", "train_graphsage", "GraphSAGEConfig", continues=True),
}

BLEND = Trainer("recommender.ml.blend", "train_blend", "BlendConfig")
"""Made of models that are trained already and of validation events, so not one of those that `train` knows."""


def make_config(kind: str, parameters: Mapping[str, Any]) -> Any:
    """The kind's configuration with `parameters` over its defaults.

    Raises ValueError naming an unknown kind, parameter or value.
    """
    configured = {**TRAINERS, "blend": BLEND}
    if kind not in configured:
        raise ValueError(f"kind: received {kind!r}, expected one of {', '.join(configured)}")
    config_class = configured[kind].config_class()
    known = {field.name for field in fields(config_class)}
    for name in parameters:
        if name not in known:
            raise ValueError(f"{name}: unknown parameter of {kind}, expected one of {', '.join(sorted(known))}")
    return config_class(**parameters)


def train(
    kind: str,
    interactions: Interactions,
    config: Any = None,
    *,
    directory: Path,
    items: Sequence[str] | None = None,
    progress: EpochCallback = ignore_progress,
    checkpoint: Checkpoint | None = None,
    continue_from: Path | None = None,
) -> None:
    """Trains a model of `kind` and writes its artifact folder, from `checkpoint` on if it holds epochs.

    config: the kind's configuration, a mapping of its parameters, or None for its defaults.
    items: opaque ids by item index, kept beside the model as items.json.
    continue_from: an earlier artifact of this kind, whose weights the training begins with; needs `items`.
    Raises ValueError naming field and value for an unknown kind or parameter, a wrong count of items, or an artifact
    that this kind cannot continue from.
    """
    if config is None or isinstance(config, Mapping):
        config = make_config(kind, config or {})
    elif kind not in TRAINERS or not isinstance(config, TRAINERS[kind].config_class()):
        raise ValueError(f"kind, config: received {kind!r} with {config!r}")
    if items is not None and len(items) != interactions.n_items:
        raise ValueError(f"items: received {len(items)} ids for {interactions.n_items} items")
    directory = Path(directory)
    if items is not None:
        write_items(directory, items)
    begun: dict[str, Any] = {}
    if continue_from is not None:
        if not TRAINERS[kind].continues or items is None:
            raise ValueError(f"continue_from: received {str(continue_from)!r} for {kind!r} and items {items!r}")
        from recommender.ml.warm_start import read_weights

        begun["warm_start"] = read_weights(continue_from, kind=kind, items=items)
    TRAINERS[kind].train(interactions, config, directory=directory, progress=progress, checkpoint=checkpoint, **begun)
