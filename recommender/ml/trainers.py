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

    def config_class(self) -> type:
        return getattr(import_module(self.module), self.config)

    def train(self, *arguments: Any, **options: Any) -> None:
        getattr(import_module(self.module), self.function)(*arguments, **options)


TRAINERS: dict[str, Trainer] = {
    "random": Trainer("recommender.ml.random_baseline", "train_random", "RandomConfig"),
    "popularity": Trainer("recommender.ml.popularity", "train_popularity", "PopularityConfig"),
    "transition_knn": Trainer("recommender.ml.transition", "train_transition_knn", "TransitionKNNConfig"),
    "two_tower": Trainer("recommender.ml.two_tower", "train_two_tower", "TwoTowerConfig"),
    "graphsage": Trainer("recommender.ml.graphsage", "train_graphsage", "GraphSAGEConfig"),
}


def make_config(kind: str, parameters: Mapping[str, Any]) -> Any:
    """The kind's configuration with `parameters` over its defaults.

    Raises ValueError naming an unknown kind, parameter or value.
    """
    if kind not in TRAINERS:
        raise ValueError(f"kind: received {kind!r}, expected one of {', '.join(TRAINERS)}")
    config_class = TRAINERS[kind].config_class()
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
) -> None:
    """Trains a model of `kind` and writes its artifact folder, from `checkpoint` on if it holds epochs.

    config: the kind's configuration, a mapping of its parameters, or None for its defaults.
    items: opaque ids by item index, kept beside the model as items.json.
    Raises ValueError naming field and value for an unknown kind or parameter, or a wrong count of items.
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
    TRAINERS[kind].train(interactions, config, directory=directory, progress=progress, checkpoint=checkpoint)
