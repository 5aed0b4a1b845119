"""Label scoring in this process: the cache changes no probability, and what cannot be trusted is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fashionrec.benchmarks.llm_scoring import shop_prompts
from personas.ml.language_model import LABELS, LabelsRefused, ModelUnusable, Usage
from personas.ml.language_models import model_files
from personas.ml.language_models.label_scoring import score_naively, shared_length
from personas.ml.language_models.transformers_model import TransformersModel

PREFIX, PRODUCTS = shop_prompts(7)
RAGGED = [
    product.replace("\nRating:", "\nNote: " + "soft and warm " * (3 * index) + "\nRating:")
    for index, product in enumerate(PRODUCTS)
]


def by_definition(model: TransformersModel, texts: list[str]) -> np.ndarray:
    """Straight from the logits of each whole prompt, without any of the adapter's scoring."""
    loaded = model.loaded_model()
    tokenizer = loaded.tokenizer
    ids = [tokenizer.convert_tokens_to_ids("Ġ" + label) for label in LABELS]
    rows = []
    for text in texts:
        logits = loaded.model(torch.tensor([tokenizer.encode(text)])).logits[0, -1].double()
        rows.append((logits - logits.logsumexp(0))[ids].numpy())
    return np.array(rows)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_cached_scores_equal_the_definition_over_ragged_suffixes_and_batches(
    completion_folder: Path, batch_size: int
) -> None:
    model = TransformersModel(str(completion_folder), batch_size=batch_size)
    scores = model.score_labels(PREFIX, RAGGED, LABELS)
    assert scores.shape == (7, 11)
    assert scores.dtype == np.float32
    assert np.abs(scores - by_definition(model, [PREFIX + suffix for suffix in RAGGED])).max() <= 1e-5
    assert len({tuple(row) for row in scores.round(3).tolist()}) == 7


def test_order_of_suffixes_is_kept_and_a_lone_suffix_scores_the_same(completion_model: TransformersModel) -> None:
    scores = completion_model.score_labels(PREFIX, RAGGED, LABELS)
    backwards = completion_model.score_labels(PREFIX, RAGGED[::-1], LABELS)
    alone = completion_model.score_labels(PREFIX, RAGGED[3:4], LABELS)
    assert np.abs(scores - backwards[::-1]).max() <= 1e-5
    assert np.abs(scores[3] - alone[0]).max() <= 1e-5


def test_columns_follow_the_labels_asked_for(completion_model: TransformersModel) -> None:
    upwards = completion_model.score_labels(PREFIX, PRODUCTS, LABELS)
    downwards = completion_model.score_labels(PREFIX, PRODUCTS, LABELS[::-1])
    assert np.array_equal(upwards, downwards[:, ::-1])


def test_a_word_that_merges_over_the_seam_is_scored_as_one_text(completion_model: TransformersModel) -> None:
    """ "Product" is one token: cut in the middle it would be two."""
    encode = completion_model.loaded_model().tokenizer.encode
    prefix, suffixes = PREFIX + "\nProd", ["uct\nTitle: navy coat\nRating:", "uct\nTitle: red belt\nRating:"]
    assert encode(prefix) + encode(suffixes[0]) != encode(prefix + suffixes[0])
    scores = completion_model.score_labels(prefix, suffixes, LABELS)
    assert np.abs(scores - by_definition(completion_model, [prefix + suffix for suffix in suffixes])).max() <= 1e-5


def test_an_instruction_model_is_asked_through_its_template_and_answers_with_bare_letters(
    chat_model: TransformersModel, chat_folder: Path
) -> None:
    scores = chat_model.score_labels(PREFIX, PRODUCTS, LABELS)
    loaded = chat_model.loaded_model()
    ids = [loaded.tokenizer.convert_tokens_to_ids(label) for label in LABELS]
    rows = [loaded.tokenizer.encode(f"[INST]{PREFIX}{product}[/INST]") for product in PRODUCTS]
    assert loaded.tokenizer.convert_ids_to_tokens(rows[0][-1]) == "[/INST]"
    assert np.abs(scores - score_naively(loaded, rows, ids)).max() <= 1e-5
    plain = TransformersModel(str(chat_folder), chat="no")
    assert np.abs(scores - plain.score_labels(PREFIX, PRODUCTS, LABELS)).max() > 0.1
    assert plain.digest != chat_model.digest


def test_shared_length_leaves_every_row_a_token_of_its_own() -> None:
    assert shared_length([[1, 2, 3, 4], [1, 2, 3], [1, 2, 9, 9]]) == 2
    assert shared_length([[1, 2], [1, 2]]) == 1
    assert shared_length([[5], [6, 7]]) == 0


def test_digits_are_refused_and_letters_accepted(completion_model: TransformersModel) -> None:
    completion_model.check_labels(LABELS)
    with pytest.raises(LabelsRefused, match=r"'10' is 3 tokens \('Ġ', '1', '0'\)"):
        completion_model.check_labels([str(point) for point in range(1, 11)])
    with pytest.raises(LabelsRefused, match="'AB' is 2 tokens"):
        completion_model.score_labels(PREFIX, PRODUCTS, ["A", "B", "AB"])


def test_a_prompt_longer_than_the_context_is_refused_with_both_lengths(completion_model: TransformersModel) -> None:
    with pytest.raises(ModelUnusable, match=r"prompt: \d{4} tokens do not fit the model's context of 2048"):
        completion_model.score_labels("word " * 2100, PRODUCTS, LABELS)


def test_no_suffixes_are_no_question(completion_model: TransformersModel) -> None:
    assert completion_model.score_labels(PREFIX, [], LABELS).shape == (0, 11)
    assert completion_model.usage == Usage()


def test_usage_counts_what_prompts_share_once(completion_model: TransformersModel) -> None:
    completion_model.score_labels(PREFIX, PRODUCTS, LABELS)
    rows = completion_model.prompt_encoder().encode([PREFIX + product for product in PRODUCTS])
    shared = shared_length(rows)
    assert shared > 200
    expected = shared + sum(len(row) - shared for row in rows)
    assert completion_model.usage == Usage(calls=7, prompt_tokens=expected, completion_tokens=0)


def test_weights_are_loaded_once_for_all_models_of_the_same_options(completion_folder: Path) -> None:
    first, second = TransformersModel(str(completion_folder)), TransformersModel(str(completion_folder), batch_size=2)
    assert first.loaded_model() is second.loaded_model()
    assert first.digest == second.digest


def test_a_model_trained_anew_has_another_digest_and_is_loaded_again(completion_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(completion_folder, tmp_path / "model")
    model = TransformersModel(str(folder))
    before, loaded = model.digest, model.loaded_model()
    (folder / "training_log.json").write_text("{}")
    (folder / "README.md").write_text("A model card says nothing about answers.")
    assert model.digest == before
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"fashionrec": {"demonstration": True}}))
    assert model.digest != before
    assert model.demonstration is True
    assert model.loaded_model() is not loaded
    assert TransformersModel(str(completion_folder)).demonstration is False


def test_the_digest_reads_a_file_again_only_when_it_changed(
    completion_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TransformersModel(str(completion_folder))
    digest = model.digest
    monkeypatch.setattr(model_files.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert model.digest == digest
    assert len(digest) == 64


def test_options_that_do_not_fit_are_named(completion_folder: Path) -> None:
    with pytest.raises(ValueError, match="chat: expected one of auto, yes, no, received 'maybe'"):
        TransformersModel(chat="maybe")
    with pytest.raises(ValueError, match="batch_size: expected at least 1, received 0"):
        TransformersModel(batch_size=0)
    with pytest.raises(ModelUnusable, match="chat: the tokenizer of .* has no chat template"):
        TransformersModel(str(completion_folder), chat="yes").check_labels(LABELS)
    with pytest.raises(ModelUnusable, match="model: '/no/such/folder' cannot be loaded"):
        TransformersModel("/no/such/folder").check_labels(LABELS)


@pytest.mark.parametrize("broken", ["model.safetensors", "tokenizer.json"])
def test_broken_files_and_devices_that_are_not_there_are_a_reason_and_no_crash(
    completion_folder: Path, tmp_path: Path, broken: str
) -> None:
    folder = shutil.copytree(completion_folder, tmp_path / "broken")
    (folder / broken).write_bytes((folder / broken).read_bytes()[:100])
    with pytest.raises(ModelUnusable, match="model: '.*broken' cannot be loaded"):
        TransformersModel(str(folder)).check_labels(LABELS)
    with pytest.raises(ModelUnusable, match="cannot be loaded: .*abacus"):
        TransformersModel(str(completion_folder), device="abacus").check_labels(LABELS)


def test_a_lora_is_merged_and_changes_digest_and_answers(completion_folder: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    base = TransformersModel(str(completion_folder))
    network = shutil.copytree(completion_folder, tmp_path / "base")
    from transformers import AutoModelForCausalLM

    tuned = peft.get_peft_model(
        AutoModelForCausalLM.from_pretrained(network),
        peft.LoraConfig(target_modules=["q_proj"], init_lora_weights=False),
    )
    tuned.save_pretrained(tmp_path / "lora")
    model = TransformersModel(str(completion_folder), peft_adapter=str(tmp_path / "lora"))
    scores = model.score_labels(PREFIX, PRODUCTS, LABELS)
    text = torch.tensor([base.loaded_model().tokenizer.encode(PREFIX + PRODUCTS[0])])
    expected = tuned(text).logits[0, -1].log_softmax(0)[model.prompt_encoder().label_ids(LABELS, PRODUCTS[0])]
    assert np.abs(scores[0] - expected.detach().numpy()).max() <= 1e-5
    assert np.abs(scores - base.score_labels(PREFIX, PRODUCTS, LABELS)).max() > 1e-3
    assert model.digest != base.digest


def test_making_a_model_and_its_digest_imports_no_torch(completion_folder: Path) -> None:
    """The admin makes adapters to show their digests, and web processes never load torch."""
    import subprocess
    import sys

    program = (
        "import sys; from personas.ml.language_models.transformers_model import TransformersModel as M;"
        f"m = M({str(completion_folder)!r}); m.digest; m.demonstration; assert 'torch' not in sys.modules, 'torch'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
