"""Tiny random Mistrals with a byte-level BPE tokenizer, and real servers that serve them, once per session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fashionrec.benchmarks.model_servers import (
    can_serve_llama_cpp,
    can_serve_transformers,
    serve_llama_cpp,
    serve_transformers,
)
from fashionrec.benchmarks.tiny_models import ANSWERS, build_mistral, write_gguf
from personas.ml.language_model import LABELS
from personas.ml.language_models.transformers_model import TransformersModel


@pytest.fixture(scope="session")
def completion_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completion model, which puts most of its mass on " A" to " K"."""
    return build_mistral(tmp_path_factory.mktemp("completion-model"), seed=1)


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instruction model: its tokenizer has a chat template, after which the bare letters follow."""
    return build_mistral(tmp_path_factory.mktemp("chat-model"), seed=2, chat=True, favoured=(*ANSWERS, *LABELS))


@pytest.fixture
def completion_model(completion_folder: Path) -> TransformersModel:
    return TransformersModel(str(completion_folder))


@pytest.fixture
def chat_model(chat_folder: Path) -> TransformersModel:
    return TransformersModel(str(chat_folder))


@pytest.fixture(scope="session")
def transformers_url(chat_folder: Path) -> Iterator[str]:
    if not can_serve_transformers():
        pytest.skip("transformers[serving] is not installed")
    with serve_transformers(chat_folder) as url:
        yield url


@pytest.fixture(scope="session")
def llama_cpp_url(completion_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not can_serve_llama_cpp():
        pytest.skip("xllamacpp or gguf is not installed")
    gguf = write_gguf(completion_folder, tmp_path_factory.mktemp("gguf") / "tiny.gguf")
    with serve_llama_cpp(gguf) as url:
        yield url
