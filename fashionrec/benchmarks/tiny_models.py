"""Small random language models, made on the spot: for timing, and to hold real servers against the adapters."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import LABELS
from personas.ml.prompt_text import PREFIX, SUFFIX

CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% else %}{{ '[INST]' + message['content'] + '[/INST]' }}"
    "{% endif %}{% endfor %}"
)
"""Like Mistral's: no header of its own for the assistant, who speaks right after [/INST]."""

ANSWERS = tuple(" " + label for label in LABELS)

SPECIAL_TOKENS = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}

FAVOUR = 6.0
"""Added to the logits of the favoured words: a random model would give eleven letters hardly any of its mass."""


def build_tokenizer(texts: Iterable[str], vocab_size: int, *, chat_template: str | None = None) -> Any:
    """A byte-level BPE tokenizer of `texts`, in which every label is one token, with and without a space before it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    answers = [f"Rating: {label}" for label in LABELS for _ in range(500)]
    tokenizer.train_from_iterator([PREFIX, SUFFIX, *texts, *answers], trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL_TOKENS)
    wrapped.chat_template = chat_template
    return wrapped


def build_mistral(
    folder: Path,
    *,
    texts: Iterable[str] = (),
    vocab_size: int = 600,
    hidden_size: int = 64,
    layers: int = 2,
    heads: int = 4,
    key_value_heads: int = 2,
    context: int = 2048,
    seed: int = 0,
    favoured: Sequence[str] = ANSWERS,
    chat: bool = False,
    spread: float = 1.6,
) -> Path:
    """A random Mistral with its tokenizer in `folder`, in float32. Most of its mass is on the `favoured` words.

    spread: of its random weights, times the root of the hidden size. The more, the more prompts differ, and the more
    float32's rounding shows: 0.8 leaves some 3e-6 of it in log-probabilities, 1.6 some 1e-5.
    """
    import torch
    import transformers

    import catalog.ml.torchvision_ops  # noqa: F401

    tokenizer = build_tokenizer(texts, vocab_size, chat_template=CHAT_TEMPLATE if chat else None)
    config = transformers.MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=hidden_size * 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads,
        max_position_embeddings=context,
        sliding_window=None,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=spread / math.sqrt(hidden_size),
    )
    torch.manual_seed(seed)
    model = transformers.MistralForCausalLM(config).eval()
    ids = [tokenizer.encode(word, add_special_tokens=False)[0] for word in favoured]
    with torch.no_grad():
        # One dimension that is the same for every token and that no layer writes to: a bias for the favoured words.
        model.model.embed_tokens.weight[:, 0] = 1.0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0.0
            layer.mlp.down_proj.weight[0] = 0.0
        model.lm_head.weight[:, 0] = 0.0
        probe = torch.randint(config.vocab_size, (1, 64))
        bias = model.model(probe).last_hidden_state[0, :, 0].mean()
        model.lm_head.weight[ids, 0] = FAVOUR / bias  # more of it would multiply float32's rounding
    model.generation_config.do_sample = True  # `transformers serve` takes the likeliest token of one that does not
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf(folder: Path, path: Path) -> Path:
    """A Mistral or Llama model with a byte-level BPE tokenizer from `folder`, as llama.cpp reads it, in float32."""
    import gguf
    import transformers

    import catalog.ml.torchvision_ops  # noqa: F401

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        values = tensor.float().numpy()
        if "q_proj" in name:
            values = _interleaved(values, config.num_attention_heads)
        elif "k_proj" in name:
            values = _interleaved(values, config.num_key_value_heads)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)) or name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: Any, tokenizer: Any) -> None:
    """The vocabulary and merges of a byte-level BPE tokenizer that puts no token before a text."""
    import gguf

    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    words = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    control = set(tokenizer.all_special_tokens) | {word for word in words if word in ("[INST]", "[/INST]")}
    kinds = [gguf.TokenType.CONTROL if word in control else gguf.TokenType.NORMAL for word in words]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _interleaved(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows in the order of llama.cpp's rotary embedding, which turns neighbours where transformers turns halves."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
