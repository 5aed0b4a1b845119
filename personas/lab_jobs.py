"""Worker-side work of the prompt lab: asking one arm after the other, and the report at the end."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from catalog.models import Product
from fashionrec.common.batching import batched
from fashionrec.common.errors import AppError
from fashionrec.common.runs import finish_chunk, work_through_chunks
from personas.jobs import RETRIED, ready_adapter
from personas.lab_answers import arms_of
from personas.lab_prompts import everyone_prompt, lab_prefix
from personas.ml.answer_parsing import ParsedAnswer, parse_answer, parse_everyone
from personas.ml.distributions import mean_distribution
from personas.ml.lab_arms import EVERYONE, LETTERS, PROBABILITIES, ArmSettings, cell_seed
from personas.ml.lab_report import lab_report
from personas.ml.language_model import LanguageModel as Adapter
from personas.ml.language_model import ModelUnusable, Sampling
from personas.ml.prompt_text import LABEL_ORDERS, labels_by_point
from personas.models import SCALE, LabChunk, LabOutput, LabRun, LanguageModel, Persona
from personas.prompts import render_suffix
from personas.services.lab import store_outputs, store_report
from personas.services.language_models import load_adapter

Key = TypeVar("Key")
Value = TypeVar("Value")

SCORED_AT_ONCE = 32
"""Products whose label probabilities are asked, and committed, together."""


def work_lab_run(run_id: str, *, on_progress: Callable[[LabRun], None] | None = None) -> None:
    """Ask every arm about every cell that it has not answered, then write the report.

    An arm whose model cannot do what it asks (write, or be scored) fails with the reason and the others go on; a model
    that is away is asked again later. A cancelled run keeps what was answered, with a report of it.
    """
    run = LabRun.objects.filter(pk=run_id).first()
    if run is None or not run.is_open:
        return
    adapters = _Adapters()

    def process(run: LabRun, chunk: LabChunk) -> None:
        ask_arm(run, chunk, adapters, on_progress)

    work_through_chunks(run, LabChunk.objects.filter(run=run), process, retry_on=RETRIED)
    if not run.is_open:
        store_report(run=run, report=lab_report(arms_of(run), cells=len(run.cells)))


class _Adapters:
    """Keeps the last adapter: arms are ordered by model, and two large models may not fit into memory."""

    def __init__(self) -> None:
        self._key: tuple[int, bool] | None = None
        self._adapter: Adapter | None = None

    def of(self, model: LanguageModel, *, scores: bool) -> Adapter:
        """Scoring needs a model that probing found usable; to write, any that loads will do."""
        if self._adapter is None or self._key not in ((model.pk, True), (model.pk, scores)):
            self._adapter = None
            self._adapter = ready_adapter(model) if scores else _loaded(model)
            self._key = (model.pk, scores)
        return self._adapter


def _loaded(model: LanguageModel) -> Adapter:
    try:
        return load_adapter(model)
    except AppError as error:
        raise ModelUnusable(error.message) from error


def ask_arm(
    run: LabRun, chunk: LabChunk, adapters: _Adapters, on_progress: Callable[[LabRun], None] | None = None
) -> None:
    """Ask one arm what it has not answered yet, keeping answers call by call."""
    settings = ArmSettings.from_json(chunk.arm)
    answered = set(LabOutput.objects.filter(chunk=chunk).values_list("persona_id", "product_id"))
    missing = [(persona, product) for persona, product in run.cells if (persona, product) not in answered]
    personas = Persona.objects.in_bulk({persona for persona, _ in missing})
    products = Product.objects.select_related("brand", "category").in_bulk({product for _, product in missing})
    cells = [(personas[a], products[b]) for a, b in missing if a in personas and b in products]
    stored = len(answered)
    if cells:
        adapter = adapters.of(chunk.language_model, scores=settings.reading == PROBABILITIES)
        for outputs in _answers(run, chunk, settings, adapter, cells):
            store_outputs(run=run, chunk=chunk, outputs=outputs)
            stored += len(outputs)
            if on_progress:
                run.refresh_from_db()
                on_progress(run)
            if LabRun.objects.filter(pk=run.pk, cancel_requested=True).exists():
                return
    chunk.size -= stored  # counted as they were stored; what is left belongs to rows deleted meanwhile
    with finish_chunk(run, chunk):
        pass


def _answers(
    run: LabRun, chunk: LabChunk, settings: ArmSettings, adapter: Adapter, cells: Sequence[tuple[Persona, Product]]
) -> Iterable[list[LabOutput]]:
    """Answers of one call of the model at a time."""
    if settings.reading == PROBABILITIES:
        size = min(SCORED_AT_ONCE, getattr(adapter, "save_every", SCORED_AT_ONCE))
        for persona, products in _grouped((persona, product) for persona, product in cells):
            for piece in batched(products, size):
                yield _score(chunk, settings, adapter, persona, piece)
    elif chunk.template.style == EVERYONE:
        for product, people in _grouped((product, persona) for persona, product in cells):
            yield _write_for_everyone(run, chunk, settings, adapter, product, people)
    else:
        # A server answers several at a time; each batch is committed before the next is asked.
        for batch in batched(cells, getattr(adapter, "concurrency", 1)):
            yield _write(run, chunk, settings, adapter, batch)


def _score(
    chunk: LabChunk, settings: ArmSettings, adapter: Adapter, persona: Persona, products: Sequence[Product]
) -> list[LabOutput]:
    """Label probabilities of one persona's products, the mean of both label orders, as the shop rates."""
    suffixes = [render_suffix(chunk.template, product) for product in products]
    prefixes = [lab_prefix(chunk.template, persona, bio=settings.bio, order=order) for order in LABEL_ORDERS]
    asking = _Asking(adapter)
    by_order = [
        adapter.score_labels(prefix, suffixes, labels_by_point(order))
        for prefix, order in zip(prefixes, LABEL_ORDERS, strict=True)
    ]
    latency_ms, tokens = asking.per_answer(len(products))
    distributions = mean_distribution(np.stack(by_order, axis=1))
    return [
        LabOutput(
            chunk=chunk,
            persona=persona,
            product=product,
            prompt=prefixes[0] + suffix,
            point=SCALE[int(np.argmax(distribution))],
            adherent=True,
            probabilities=[float(value) for value in distribution],
            latency_ms=latency_ms,
            tokens=tokens,
        )
        for product, suffix, distribution in zip(products, suffixes, distributions, strict=True)
    ]


def _write(
    run: LabRun, chunk: LabChunk, settings: ArmSettings, adapter: Adapter, cells: Sequence[tuple[Persona, Product]]
) -> list[LabOutput]:
    style = chunk.template.style
    # A completion model goes on and on; its letter is the one token that probing made sure of.
    one_token = style == LETTERS and getattr(adapter, "continues_text", False)
    questions = []
    for persona, product in cells:
        prompt = lab_prefix(chunk.template, persona, bio=settings.bio) + render_suffix(chunk.template, product)
        seed = cell_seed(run.seed, persona.pk, product.pk)
        sampling = settings.sampling(style, seed=seed)
        questions.append((prompt, replace(sampling, max_tokens=1) if one_token else sampling))

    def ask(question: tuple[str, Sampling]) -> tuple[str, float]:
        started = time.perf_counter()
        text = _completion(adapter, *question)
        return text, (time.perf_counter() - started) * 1000

    asking = _Asking(adapter)
    in_parallel = getattr(adapter, "in_parallel", None)
    answers = in_parallel(ask, questions) if in_parallel else [ask(question) for question in questions]
    _, tokens = asking.per_answer(len(cells))
    return [
        _output(chunk, persona, product, prompt, text, parse_answer(style, text), latency_ms, tokens)
        for (persona, product), (prompt, _), (text, latency_ms) in zip(cells, questions, answers, strict=True)
    ]


def _write_for_everyone(
    run: LabRun, chunk: LabChunk, settings: ArmSettings, adapter: Adapter, product: Product, people: Sequence[Persona]
) -> list[LabOutput]:
    """One call for all personas of a product; each keeps its own line, or the whole answer if that has none for it."""
    prompt = everyone_prompt(chunk.template, people, product, bio=settings.bio)
    asking = _Asking(adapter)
    sampling = settings.sampling(EVERYONE, seed=cell_seed(run.seed, 0, product.pk), people=len(people))
    text = _completion(adapter, prompt, sampling)
    latency_ms, tokens = asking.per_answer(len(people))
    return [
        _output(chunk, persona, product, prompt, line or text, parsed, latency_ms, tokens)
        for persona, (line, parsed) in zip(people, parse_everyone(text, len(people)), strict=True)
    ]


def _completion(adapter: Adapter, prompt: str, sampling: Sampling) -> str:
    """Raises ModelUnusable when the model only scores: asking another time cannot help."""
    try:
        return adapter.complete(prompt, sampling).replace("\x00", "")
    except NotImplementedError as error:
        raise ModelUnusable(str(error)) from error


def _output(
    chunk: LabChunk,
    persona: Persona,
    product: Product,
    prompt: str,
    text: str,
    parsed: ParsedAnswer,
    latency_ms: float,
    tokens: int,
) -> LabOutput:
    return LabOutput(
        chunk=chunk,
        persona=persona,
        product=product,
        prompt=prompt,
        text=text,
        point=parsed.point,
        adherent=parsed.adherent,
        latency_ms=latency_ms,
        tokens=tokens,
    )


class _Asking:
    """Clocks one call of the model, and counts its tokens."""

    def __init__(self, adapter: Adapter) -> None:
        self._usage, self._before = adapter.usage, adapter.usage.copy()
        self._started = time.perf_counter()

    def per_answer(self, answers: int) -> tuple[float, int]:
        """Milliseconds and tokens of the call, shared out among its answers."""
        elapsed_ms = (time.perf_counter() - self._started) * 1000
        used = self._usage.since(self._before)
        return elapsed_ms / answers, round((used.prompt_tokens + used.completion_tokens) / answers)


def _grouped(pairs: Iterable[tuple[Key, Value]]) -> Iterable[tuple[Key, list[Value]]]:
    groups: dict[Key, list[Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups.items()
