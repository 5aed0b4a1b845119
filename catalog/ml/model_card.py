"""The card of a trained encoder, from the figures in its config.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.ml.encoder import vector_length

FILE = "MODEL_CARD.md"
MARK = "<!-- Written by train_encoder, which writes it anew unless this line is gone. -->"

_METHODS = {
    "compact": "trained from nothing: prompts of attribute values, captions with several right answers, and contrast "
    "between pictures",
    "fine-tuning": "fine-tuned from another encoder",
}
_HOW = (
    ("base", "started from"), ("tune", "trained"), ("loss", "loss"), ("trained_epochs", "epochs"),
    ("best_epoch", "kept the weights after epoch"), ("batch_size", "batch"), ("learning_rate", "peak learning rate"),
    ("hard_negatives", "share of batches of much the same category, colour or pattern"),
    ("grayscale", "share of grey pictures"), ("edges", "share of edge maps"), ("seed", "seed"), ("seconds", "seconds"),
)  # fmt: skip
_ONLY_IF_USED = ("grayscale", "edges")


def write_card(directory: Path, *, overwrite: bool = False) -> bool:
    """Writes MODEL_CARD.md beside config.json; False where a person wrote one and `overwrite` is not set."""
    path = directory / FILE
    if path.exists() and not overwrite and MARK not in path.read_text("utf-8"):
        return False
    config = json.loads((directory / "config.json").read_text("utf-8"))
    path.write_text(model_card(config), "utf-8")
    return True


def model_card(config: Mapping[str, Any]) -> str:
    """Markdown. config: the content of config.json."""
    training = config["training"]
    sections = [
        f"# {config['name']}",
        f"Pictures and texts in one space of {vector_length(config)} dimensions; pictures of "
        f"{config['preprocess_cfg']['size']} pixels, texts of up to "
        f"{config['model_cfg']['text_cfg']['context_length']} tokens.",
        "## Training",
        "\n".join([f"- **Method**: {_METHODS[training['method']]}", *_data(training), *_how(training)]),
    ]
    if training["validation_rows"]:
        sections += [
            f"## Measured on {training['validation_pictures']} pictures kept back",
            "P@10: the share of a picture's ten nearest others that have its value; hybrid vectors with "
            f"{_image_weight(config)} of the picture, those before training with half. Captions that occur once look "
            "for their own picture among all: R@1, R@10 and MRR. The kept epoch was chosen on these same pictures.",
            _table(training["validation_rows"]),
        ]
    else:
        sections += ["## Measured", "Nothing was kept back to measure it on."]
    return "\n\n".join([*sections, MARK]) + "\n"


def _data(training: Mapping[str, Any]) -> list[str]:
    lines = []
    for source in training.get("data", ()):
        details = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in source.items() if key != "kind")
        lines.append(f"- **Data**: {source['kind']} ({details})")
    return lines


def _how(training: Mapping[str, Any]) -> list[str]:
    said = [(title, training.get(key)) for key, title in _HOW if training.get(key) or key not in _ONLY_IF_USED]
    return [f"- **{title[0].upper()}{title[1:]}**: {value}" for title, value in said if value is not None]


def _image_weight(config: Mapping[str, Any]) -> str:
    weight = config.get("hybrid", {}).get("image_weight")
    return "half" if weight is None else f"{weight:g}"


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    names = sorted({name for row in rows.values() for name in row["p@10"]})
    figures = [name for name in ("r@1", "r@10", "mrr") if any(name in row for row in rows.values())]
    lines = [f"| | {' | '.join([*names, *(figure.upper() for figure in figures)])} |"]
    lines.append("|---" * (1 + len(names) + len(figures)) + "|")
    for title, row in rows.items():
        cells = [row["p@10"].get(name) for name in names] + [row.get(figure) for figure in figures]
        lines.append(f"| {title} | {' | '.join('' if cell is None else f'{cell:.3f}' for cell in cells)} |")
    return "\n".join(lines)
