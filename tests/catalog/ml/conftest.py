"""The shipped encoder, loaded once, and a tiny world to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from catalog.ml.clip_examples import Example, TrainingExamples, collect_examples
from catalog.ml.compact_clip import PREPROCESS_CONFIG
from catalog.ml.encoder import SHIPPED_ENCODERS
from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.open_clip_encoder import OpenClipEncoder, load_directory
from catalog.ml.text_encoder import OnnxTextEncoder
from tests.catalog.ml.planted import COLOURS, PATTERNS, drawn_square


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def compact_directory() -> Path:
    return SHIPPED_ENCODERS / "compact"


@pytest.fixture(scope="session")
def compact(compact_directory: Path) -> OpenClipEncoder:
    return load_directory(compact_directory)


@pytest.fixture(scope="session")
def compact_text(compact_directory: Path) -> OnnxTextEncoder:
    return OnnxTextEncoder(compact_directory)


@pytest.fixture(scope="session")
def planted_examples() -> TrainingExamples:
    """48 pictures: plain and striped squares in three colours, eight places each."""
    return collect_examples(
        (
            Example(drawn_square(pattern, colour, shift), f"{colour} {pattern}", {"pattern": pattern, "colour": colour})
            for shift in range(8)
            for pattern in PATTERNS
            for colour in COLOURS
        ),
        preprocessing=ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "size": 32}),
    )
