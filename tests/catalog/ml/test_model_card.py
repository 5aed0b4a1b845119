"""The card says what config.json says, and spares what a person wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.ml.model_card import MARK, model_card, write_card

CONFIG: dict[str, Any] = {
    "name": "mine",
    "model_cfg": {"embed_dim": 512, "text_cfg": {"context_length": 32}},
    "preprocess_cfg": {"size": 96},
    "hybrid": {"image_weight": 0.6, "measured": []},
    "training": {
        "method": "fine-tuning",
        "base": "open_clip:ViT-B-32:laion2b_s34b_b79k",
        "tune": "text",
        "loss": "siglip",
        "trained_epochs": 9,
        "best_epoch": 0,
        "grayscale": 0.0,
        "edges": 0.1,
        "seed": 0,
        "data": [{"kind": "labelled photos", "folder": "summer", "pictures": 1200, "left_out": 3}],
        "validation_pictures": 120,
        "validation_rows": {
            "16x16 pixels": {"p@10": {"colour": 0.25, "type": 0.5}},
            "after: text": {"p@10": {"colour": 0.75}, "queries": 100, "r@1": 0.125, "r@10": 0.5, "mrr": 0.25},
        },
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def test_the_card_tells_how_on_what_and_how_well() -> None:
    card = model_card(CONFIG).splitlines()
    assert card[0] == "# mine"
    for line in (
        "- **Method**: fine-tuned from another encoder",
        "- **Data**: labelled photos (folder summer, pictures 1200, left out 3)",
        "- **Started from**: open_clip:ViT-B-32:laion2b_s34b_b79k",
        "- **Kept the weights after epoch**: 0",
        "- **Seed**: 0",
        "- **Share of edge maps**: 0.1",
        "## Measured on 120 pictures kept back",
        "| | colour | type | R@1 | R@10 | MRR |",
        "|---|---|---|---|---|---|",
        "| 16x16 pixels | 0.250 | 0.500 |  |  |  |",
        "| after: text | 0.750 |  | 0.125 | 0.500 | 0.250 |",
    ):
        assert line in card
    assert not any("grey" in line for line in card)
    assert any("hybrid vectors with 0.6 of the picture, those before training with half." in line for line in card)


def test_without_validation_the_card_claims_nothing() -> None:
    training = {**CONFIG["training"], "validation_rows": {}, "validation_pictures": 0}
    card = model_card({**CONFIG, "training": training})
    assert "Nothing was kept back to measure it on.\n" in card
    assert "P@10" not in card


def test_a_card_is_renewed_unless_a_person_wrote_it(folder: Path) -> None:
    card = folder / "MODEL_CARD.md"
    assert write_card(folder)
    card.write_text(card.read_text().replace("# mine", "# other"))
    assert write_card(folder)
    assert card.read_text() == model_card(CONFIG)
    card.write_text(card.read_text().replace(MARK, "Reviewed."))
    assert not write_card(folder)
    assert card.read_text().endswith("Reviewed.\n")
    assert write_card(folder, overwrite=True)
    assert card.read_text() == model_card(CONFIG)
