"""What a training found out, as it is printed, stored in config.json and written on the model card."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from catalog.ml.embedding_metrics import telling_labels
from catalog.ml.encoder_validation import Rows, Towers, ValidationSet, baselines, encoded, measured, validation_table
from catalog.ml.hybrid import tune_image_weight
from catalog.ml.training_loop import TrainingProgress

_LIBRARIES = ("torch", "open_clip_torch", "timm", "tokenizers")


@dataclass(frozen=True)
class TrainingReport:
    """progress: epochs, history, the best one
    pictures: validated on; 0 without validation, and then rows is empty and hybrid None
    rows: title -> figures of baselines and of the weights before and after
    hybrid: {"image_weight", "measured"} as tuned on validation
    refused: why a tower could not be written for processes without torch, by file
    """

    progress: TrainingProgress
    pictures: int
    rows: Rows
    hybrid: dict[str, Any] | None
    refused: dict[str, str] = field(default_factory=dict)

    def table(self) -> str:
        """Before and after, beside the baselines; "" without validation."""
        return validation_table(self.rows) if self.rows else ""

    def as_config(self) -> dict[str, Any]:
        """JSON for `training` in config.json."""
        progress = self.progress
        return {
            "trained_epochs": progress.stopped or progress.epochs,
            "best_epoch": progress.best_epoch,
            "seconds": round(progress.seconds),
            "versions": {name: version(name) for name in _LIBRARIES},
            "validation_pictures": self.pictures,
            "validation_rows": self.rows,
            "history": [_summary(entry) for entry in progress.history],
        }


def _summary(entry: dict[str, Any]) -> dict[str, Any]:
    """One epoch's figures in a line: P@10 by image and hybrid vectors, and R@10."""
    rows = entry["rows"]
    precisions = {kind: rows[kind]["p@10"] for kind in ("image", "hybrid") if kind in rows}
    retrieval = {name: value for name, value in rows.get("text", {}).items() if name == "r@10"}
    return {**{key: value for key, value in entry.items() if key != "rows"}, **precisions, **retrieval}


def reported(progress: TrainingProgress, towers: Towers, asked: ValidationSet | None) -> TrainingReport:
    """Measures the kept weights, and tunes the share of the picture in hybrid vectors.

    towers: with the kept weights; asked: what the training did not see.
    """
    if asked is None:
        return TrainingReport(progress, pictures=0, rows={}, hybrid=None)
    images, texts = encoded(towers, asked)
    hybrid = None
    if texts is not None:
        hybrid = tune_image_weight(images=images, texts=texts, labels=telling_labels(asked.labels))
    before = progress.history[0]["rows"]
    after, _ = measured(towers, asked, image_weight=hybrid["image_weight"] if hybrid else 0.5)
    rows = {
        **baselines(asked),
        **{f"before: {kind}": row for kind, row in before.items()},
        **{f"after: {kind}": row for kind, row in after.items()},
    }
    return TrainingReport(progress, pictures=len(asked), rows=rows, hybrid=hybrid)
