"""llm-scoring: label log-probabilities, cached against naive, and every adapter against the others.

A random Mistral times the shared-prefix cache, because speed does not depend on what the weights mean; the shipped
compact model is timed beside it. Real servers on loopback are held against the same weights in this process.
"""

import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashionrec.benchmarks import mistral_tokenizers, model_servers
from personas.ml.distributions import to_probabilities
from personas.ml.language_model import LABELS, Sampling
from personas.ml.prompt_text import PREFIX, SUFFIX, fill_prefix, fill_suffix

HELP = "Label scoring: cached against naive, all adapters, servers against this process, Mistral's tokenizers"
LARGEST_DIFFERENCE = 1e-5
LEAST_SPEEDUP = 2.5
LARGEST_MASS = 1 + 1e-5
"""Of eleven labels together. Normalised scores add up to 1 whatever an adapter answers; probabilities do not."""

SPREAD = 0.8
"""Of the random models' weights: log-probabilities then lie as far apart as a trained model's."""

NOT_INSTALLED = "not installed"

PERSONA = {
    "name": "Ines Duarte", "gender": "women", "age_band": "25-34", "region": "coast", "occupation": "teacher",
    "style": "casual", "budget": "medium", "likes": "linen, navy, wide trousers", "dislikes": "neon, fur",
    "brands": "Alder, Norte", "bio": "Ines cycles to school in all weather. She mends what she owns and buys little.",
}  # fmt: skip
COLOURS = ("navy", "neon", "grey", "red", "olive")
THINGS = ("shirt", "coat", "belt", "dress", "boots", "scarf", "jumper")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tokens-prefix", type=int, default=450)
    parser.add_argument("--tokens-suffix", type=int, default=150)
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="timings are medians of so many, taken in turn")
    parser.add_argument("--hidden-size", type=int, default=384, help="of the random Mistral that is timed")
    parser.add_argument("--layers", type=int, default=6)


def run(
    *,
    tokens_prefix: int,
    tokens_suffix: int,
    products: int,
    seed: int,
    repeats: int,
    hidden_size: int,
    layers: int,
    **_: Any,
) -> dict[str, Any]:
    """Raises ValueError for sizes that leave nothing to measure."""
    for name, value, least in (
        ("tokens-prefix", tokens_prefix, 32), ("tokens-suffix", tokens_suffix, 8), ("products", products, 2),
        ("repeats", repeats, 1),
    ):  # fmt: skip
        if value < least:
            raise ValueError(f"--{name}: expected at least {least}, received {value}")
    import torch

    with tempfile.TemporaryDirectory() as folder:
        timing = time_random_mistral(
            Path(folder) / "timed", tokens_prefix, tokens_suffix, products, seed, repeats, hidden_size, layers
        )
        compact = time_compact(products, repeats)
        adapters = measure_adapters(Path(folder), seed)
    tokenizers = digit_verdicts()
    results = {
        "threads": torch.get_num_threads(), "seed": seed, "timing": timing, "compact": compact,
        "adapters": adapters, "tokenizers": tokenizers,
    }  # fmt: skip
    return results | {"goals": goals(results)}


def time_random_mistral(
    folder: Path,
    tokens_prefix: int,
    tokens_suffix: int,
    products: int,
    seed: int,
    repeats: int,
    hidden: int,
    layers: int,
) -> dict[str, Any]:
    from fashionrec.benchmarks.tiny_models import build_mistral
    from personas.ml.language_models.transformers_model import TransformersModel

    generator = np.random.default_rng(seed)
    words = ["".join(generator.choice(list("abcdefghijklmnopqrstuvwxyz"), size=7)) for _ in range(400)]
    texts = [" ".join(["", *words])] * 50
    build_mistral(
        folder, texts=texts, vocab_size=6000, hidden_size=hidden, layers=layers, heads=6, key_value_heads=2, seed=seed,
        context=tokens_prefix + tokens_suffix + 64, favoured=(), spread=SPREAD,
    )  # fmt: skip
    model = TransformersModel(str(folder), chat="no")
    ending = "\nRating:"
    encoder = model.prompt_encoder()
    tail = len(encoder.encode([ending])[0])
    prefix = _words(generator, words, tokens_prefix)
    suffixes = [_words(generator, words, tokens_suffix - tail) + ending for _ in range(products)]
    row = encoder.encode([prefix, prefix + suffixes[0]])
    measured = compare_scoring(model, prefix, suffixes, repeats)
    return measured | {"tokens_prefix": len(row[0]), "tokens_suffix": len(row[1]) - len(row[0])}


def time_compact(products: int, repeats: int) -> dict[str, Any]:
    """The shipped model on the shop's own prompts; how fast it writes."""
    from personas.ml.language_models.model_files import COMPACT, model_folder
    from personas.ml.language_models.transformers_model import TransformersModel

    if model_folder(COMPACT) is None:
        return {"state": "not shipped"}
    model = TransformersModel()
    prefix, suffixes = shop_prompts(products)
    measured = compare_scoring(model, prefix, suffixes, repeats)
    before, started = model.usage.copy(), time.perf_counter()
    for seed in range(5):
        model.complete(prefix, Sampling(max_tokens=200, seed=seed))
    elapsed = time.perf_counter() - started
    measured["tokens_written_per_second"] = round(model.usage.since(before).completion_tokens / elapsed, 1)
    return measured | {"state": "measured", "label_mass": round(_mass(model.score_labels(prefix, suffixes, LABELS)), 4)}


def compare_scoring(model: Any, prefix: str, suffixes: Sequence[str], repeats: int) -> dict[str, Any]:
    """Seconds and largest difference of the adapter's cached scoring against whole prompts, one by one and in eights:
    the faster of the two is what the cache must beat. All of them tokenise."""
    from personas.ml.language_models.label_scoring import score_naively

    loaded, encoder = model.loaded_model(), model.prompt_encoder()
    label_ids = encoder.label_ids(LABELS, suffixes[0])

    def naive(batch_size: int) -> NDArray[np.float32]:
        rows = encoder.encode([prefix + suffix for suffix in suffixes])
        return score_naively(loaded, rows, label_ids, batch_size)

    ways: dict[str, Callable[[], NDArray[np.float32]]] = {
        "cached": lambda: model.score_labels(prefix, suffixes, LABELS),
        "naive, one by one": lambda: naive(1),
        "naive, in eights": lambda: naive(8),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    scores: dict[str, NDArray[np.float32]] = {}
    ways["cached"]()
    for _ in range(repeats):
        for name, score in ways.items():
            started, used = time.perf_counter(), time.process_time()
            scores[name] = score()
            seconds[name].append(time.perf_counter() - started)
            processor[name].append(time.process_time() - used)
    medians = {name: median(values) for name, values in seconds.items()}
    used_medians = {name: median(values) for name, values in processor.items()}
    difference = max(float(np.abs(scores["cached"] - scores[name]).max()) for name in ways)
    return {
        "products": len(suffixes),
        "parameters": sum(parameter.numel() for parameter in loaded.model.parameters()),
        "seconds": {name: round(value, 4) for name, value in medians.items()},
        "processor_seconds": {name: round(value, 4) for name, value in used_medians.items()},
        "speedup": _speedup(medians),
        "speedup_of_processor_time": _speedup(used_medians),
        "largest_difference": difference,
    }


def measure_adapters(folder: Path, seed: int) -> list[dict[str, Any]]:
    """Each adapter on one tiny Mistral: labels complete and normalised, and its difference to this process."""
    from fashionrec.benchmarks.tiny_models import ANSWERS, build_mistral, write_gguf
    from fashionrec.simulation.rater import SimulatedRater
    from personas.ml.language_models.openai_compatible import OpenAICompatibleModel
    from personas.ml.language_models.sampling import SamplingModel
    from personas.ml.language_models.system_one import SystemOneModel
    from personas.ml.language_models.transformers_model import TransformersModel

    prefix, suffixes = shop_prompts(8)
    tiny = build_mistral(folder / "tiny", seed=seed, chat=True, favoured=(*ANSWERS, *LABELS), spread=SPREAD)
    here = {chat: TransformersModel(str(tiny), chat=chat) for chat in ("no", "yes")}
    plain = here["no"].score_labels(prefix, suffixes, LABELS)
    rows = [
        _adapter_row("simulated rater", SimulatedRater(), prefix, suffixes),
        _adapter_row("transformers, plain", here["no"], prefix, suffixes),
        _adapter_row("transformers, chat", here["yes"], prefix, suffixes),
    ]
    if model_servers.can_serve_transformers():
        asked = [prefix + suffix + SYSTEM_ONE_QUESTION for suffix in suffixes]
        expected = np.log(to_probabilities(here["yes"].score_labels("", asked, LABELS)))
        with model_servers.serve_transformers(tiny) as url:
            decision = SystemOneModel(url, str(tiny))
            rows.append(_adapter_row("/v1/systemone (transformers serve)", decision, prefix, suffixes, expected))
            drawing = SamplingModel(url, str(tiny), endpoint="completions", answers=8, answer_tokens=1)
            rows.append(_adapter_row("sampling (transformers serve)", drawing, prefix, suffixes))
    else:
        rows.append({"adapter": "/v1/systemone, sampling (transformers serve)", "state": NOT_INSTALLED})
    if model_servers.can_serve_llama_cpp():
        with model_servers.serve_llama_cpp(write_gguf(tiny, folder / "tiny.gguf")) as url:
            server = OpenAICompatibleModel(url, "tiny", endpoint="completions")
            rows.append(_adapter_row("OpenAI-compatible (llama.cpp)", server, prefix, suffixes, plain))
    else:
        rows.append({"adapter": "OpenAI-compatible (llama.cpp)", "state": NOT_INSTALLED})
    return rows


SYSTEM_ONE_QUESTION = (
    "\n\n" + "\n".join(f"{label}. {label}" for label in LABELS)
    + "\nAnswer with the letter of the option that fits best (A to K) only."
)  # fmt: skip
"""What `transformers serve` puts under a prompt."""


def _adapter_row(
    name: str, model: Any, prefix: str, suffixes: Sequence[str], expected: NDArray[np.floating] | None = None
) -> dict[str, Any]:
    model.check_labels(LABELS)
    started = time.perf_counter()
    scores = model.score_labels(prefix, suffixes, LABELS)
    elapsed = time.perf_counter() - started
    sums = to_probabilities(scores).sum(axis=1)
    return {
        "adapter": name,
        "state": "measured",
        "scoring": model.scoring,
        "labels": int(np.isfinite(scores).all(axis=0).sum()),
        "sum_off_by": float(np.abs(sums - 1).max()),
        "label_mass": round(_mass(scores), 4),
        "largest_label_mass": float(np.exp(scores.astype(np.float64)).sum(axis=1).max()),
        "difference_to_in_process": None if expected is None else float(np.abs(scores - expected).max()),
        "ms_per_prompt": round(1000 * elapsed / len(suffixes), 1),
    }


def digit_verdicts() -> list[dict[str, Any]]:
    if not mistral_tokenizers.available():
        return [{"tokenizer": "Mistral's", "state": NOT_INSTALLED}]
    return [
        {"tokenizer": name, "state": "measured", "labels": labels, "refused": bool(reason), "reason": reason[:160]}
        for name, labels, reason in mistral_tokenizers.verdicts()
    ]


def goals(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What BENCHMARKS asks for; met is None where it could not be measured."""
    timing, compact = results["timing"], results["compact"]
    measured = [row for row in results["adapters"] if row["state"] == "measured"]
    verdicts = [row for row in results["tokenizers"] if row["state"] == "measured"]
    missing = [row["adapter"] for row in results["adapters"] if row["state"] != "measured"]
    rows = [
        ("cached equals naive", timing["largest_difference"], LARGEST_DIFFERENCE, False),
        ("cached is faster", timing["speedup"], LEAST_SPEEDUP, True),
        ("compact model: cached equals naive", compact.get("largest_difference"), LARGEST_DIFFERENCE, False),
        ("labels of every adapter", min(row["labels"] for row in measured) if not missing else None, len(LABELS), True),
        ("label sums off by", max(row["sum_off_by"] for row in measured) if not missing else None, 1e-9, False),
        (
            "label mass before it is normalised",
            max(row["largest_label_mass"] for row in measured) if not missing else None, LARGEST_MASS, False,
        ),
        (
            "digits refused (share of tokenizers)",
            _share(row["refused"] for row in verdicts if row["labels"] != "A..K"), 1.0, True,
        ),
        ("letters accepted", _share(not row["refused"] for row in verdicts if row["labels"] == "A..K"), 1.0, True),
        ("transformers serve equals this process", _difference(measured, "systemone"), LARGEST_DIFFERENCE, False),
        ("llama.cpp equals this process", _difference(measured, "llama.cpp"), LARGEST_DIFFERENCE, False),
    ]  # fmt: skip
    return [
        {
            "goal": goal, "measured": value, "bound": bound, "at_least": at_least,
            "met": None if value is None else bool(value >= bound if at_least else value <= bound),
        }
        for goal, value, bound, at_least in rows
    ]  # fmt: skip


def table(results: dict[str, Any]) -> str:
    lines = [f"{results['threads']} thread(s), seed {results['seed']}"]
    for name, row in (("random Mistral", results["timing"]), ("compact model", results["compact"])):
        if "seconds" not in row:
            lines.append(f"{name}: {row['state']}")
            continue
        times = ", ".join(f"{way} {seconds:.2f} s" for way, seconds in row["seconds"].items())
        size = f"{row['parameters'] / 1e6:.1f} M parameters, {row['products']} products"
        tokens = f", {row['tokens_prefix']}+{row['tokens_suffix']} tokens" if "tokens_prefix" in row else ""
        wrote = f", writes {row['tokens_written_per_second']} tokens/s" if "tokens_written_per_second" in row else ""
        lines.append(f"{name} ({size}{tokens}): {times}; {row['speedup']}×{wrote}")
        lines.append(f"  {row['speedup_of_processor_time']}× by processor time, whatever else the machine is doing")
        lines.append(f"  largest |Δ log p| {row['largest_difference']:.1e}")
    head = f"{'adapter':<38}{'scoring':>11}{'labels':>8}{'mass':>8}{'|Δ| here':>10}{'ms/prompt':>11}"
    lines += ["", head]
    for row in results["adapters"]:
        if row["state"] != "measured":
            lines.append(f"{row['adapter']}: {row['state']}")
            continue
        here = row["difference_to_in_process"]
        difference = "" if here is None else f"{here:.1e}"
        lines.append(
            f"{row['adapter']:<38}{row['scoring']:>11}{row['labels']:>8}{row['label_mass']:>8.3f}"
            f"{difference:>10}{row['ms_per_prompt']:>11.1f}"
        )
    lines.append("")
    for row in results["tokenizers"]:
        if row["state"] != "measured":
            lines.append(f"{row['tokenizer']}: {row['state']}")
        else:
            verdict = f"refused: {row['reason']}" if row["refused"] else "accepted"
            lines.append(f"{row['tokenizer']}, {row['labels']}: {verdict}")
    lines.append("")
    for row in results["goals"]:
        met = {True: "met", False: "NOT MET", None: "not measured"}[row["met"]]
        value = "" if row["measured"] is None else f"{row['measured']:.3g} "
        lines.append(f"{row['goal']}: {value}({'≥' if row['at_least'] else '≤'} {row['bound']:g}) {met}")
    return "\n".join(lines)


def shop_prompts(products: int) -> tuple[str, list[str]]:
    suffixes = [
        {
            "title": f"{COLOURS[i % 5]} {THINGS[i % 7]} {i}", "brand": "Alder", "category": THINGS[i % 7],
            "gender": "women", "colour": COLOURS[i % 5], "season": ("summer", "winter")[i % 2], "price": f"{19 + i}.00",
        }
        for i in range(products)
    ]  # fmt: skip
    return fill_prefix(PREFIX, PERSONA), [fill_suffix(SUFFIX, product) for product in suffixes]


def _speedup(seconds: dict[str, float]) -> float:
    """Over the faster of the two ways without a cache."""
    return round(min(value for name, value in seconds.items() if name != "cached") / seconds["cached"], 2)


def _words(generator: np.random.Generator, words: Sequence[str], count: int) -> str:
    """Text of `count` tokens, each word being one."""
    return "".join(f" {word}" for word in generator.choice(words, size=count))


def _mass(scores: NDArray[np.float32]) -> float:
    return float(np.exp(scores.astype(np.float64)).sum(axis=1).mean())


def _difference(rows: Sequence[dict[str, Any]], word: str) -> float | None:
    found = [row["difference_to_in_process"] for row in rows if word in row["adapter"]]
    return found[0] if found else None


def _share(truths: Any) -> float | None:
    values = list(truths)
    return sum(values) / len(values) if values else None
