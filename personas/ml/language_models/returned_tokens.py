"""What a server says about the next token, and how much of it is about the labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personas.ml.language_model import ModelUnusable

SPACES = " \t\n\u2581\u0120"
"""A word's leading space as it is, and as SentencePiece and byte-level tokenizers write it."""

TOKEN_ID = "token_id:"  # noqa: S105  how vLLM names a token by its id

LEAST_MASS = 0.95
"""Of the probability, that must have been returned where a label was not: what is left bounds the label."""

NEVER = -9000.0
"""Servers write -9999 for minus infinity."""


@dataclass(frozen=True)
class ReturnedToken:
    """text: as the server writes it. id: where it tells. log_probability: natural logarithm."""

    text: str
    id: int | None
    log_probability: float


@dataclass(frozen=True)
class LabelRow:
    """log_probabilities: one per label. missing: labels that were bounded. mass: probability of all that came back."""

    log_probabilities: list[float]
    missing: tuple[str, ...]
    mass: float


def read_returned(choice: Mapping[str, Any], parameter: str) -> tuple[list[ReturnedToken], bool]:
    """Alternatives at the first token, and whether one by one (a dict of texts loses tokens that read alike).

    Raises ModelUnusable naming `parameter` when there are none: the server took it and ignored it.
    """
    logprobs = choice.get("logprobs")
    entries: list[object] | None = None
    listed = True
    if isinstance(logprobs, dict):
        content, top = logprobs.get("content"), logprobs.get("top_logprobs")
        if isinstance(content, list) and content and isinstance(content[0], dict):
            entries = content[0].get("top_logprobs")
        elif isinstance(top, list) and top and isinstance(top[0], dict):
            entries = [{"token": token, "logprob": value} for token, value in top[0].items()]
            listed = False
    if not isinstance(entries, list) or not entries:
        raise ModelUnusable(f"{parameter}: the server answered without log-probabilities: it ignores the parameter")
    return [token for entry in entries if (token := _read(entry, parameter)) is not None], listed


def pick_by_id(returned: Sequence[ReturnedToken], label_ids: Mapping[str, int], parameter: str) -> LabelRow:
    """Exactly the tokens asked for. Raises ModelUnusable when the server returned others instead."""
    of_id = {token.id: token.log_probability for token in returned if token.id is not None}
    absent = [label for label, token_id in label_ids.items() if token_id not in of_id]
    if absent:
        got = ", ".join(repr(token.text) for token in returned[:5])
        raise ModelUnusable(
            f"{parameter}: asked for the labels' tokens, {', '.join(absent)} did not come back ({got}); a server that "
            "does not know the parameter can be asked with the dialect openai"
        )
    row = [of_id[token_id] for token_id in label_ids.values()]
    return LabelRow(row, (), _mass(row, parameter))


def match_labels(
    returned: Sequence[ReturnedToken],
    labels: Sequence[str],
    label_ids: Mapping[str, int] | None,
    *,
    asked: int,
    listed: bool,
    parameter: str,
) -> LabelRow:
    """Labels among the likeliest tokens: by id where ids are known, else by text without its leading space, where
    " A" and "A" add up. A label that is not among them is bounded from above by the least likely token returned and
    by all the probability that was not returned.

    Raises ModelUnusable when fewer than `asked` came back, or labels are missing and less than LEAST_MASS came back.
    """
    least = asked if listed else asked - 4  # a dict holds one of the tokens that read alike
    if len(returned) < least:
        raise ModelUnusable(f"{parameter}: asked for {asked} log-probabilities, received {len(returned)}")
    mass = _mass([token.log_probability for token in returned], parameter)
    found: dict[str, list[float]] = {label: [] for label in labels}
    wanted = {token_id: label for label, token_id in label_ids.items()} if label_ids else {}
    for token in returned:
        label = wanted.get(token.id) if label_ids and token.id is not None else token.text.strip(SPACES)
        if label in found:
            found[label].append(token.log_probability)
    missing = tuple(label for label in labels if not found[label])
    if len(missing) == len(labels):
        got = ", ".join(repr(token.text) for token in returned[:5])
        raise ModelUnusable(f"{parameter}: none of the labels is among the likeliest tokens ({got}, …)")
    if missing and mass < LEAST_MASS:
        raise ModelUnusable(
            f"{parameter}: {', '.join(missing)} are not among the {len(returned)} tokens returned, which hold only "
            f"{mass:.2f} of the probability; {LEAST_MASS} is needed. Ask for more, or use the sampling adapter"
        )
    bound = min(min(token.log_probability for token in returned), math.log(max(1e-9, 1.0 - mass)))
    return LabelRow([_sum(found[label]) if found[label] else bound for label in labels], missing, mass)


def _read(entry: object, parameter: str) -> ReturnedToken | None:
    """None for a token that cannot be."""
    if not isinstance(entry, dict):
        raise ModelUnusable(f"{parameter}: the server's log-probabilities cannot be read: {str(entry)[:80]!r}")
    text, value, token_id = entry.get("token"), entry.get("logprob"), entry.get("id")
    number = _number(value)
    if not isinstance(text, str) or math.isnan(number):
        raise ModelUnusable(f"{parameter}: the server's log-probabilities cannot be read: {str(entry)[:80]!r}")
    if text.startswith(TOKEN_ID) and text[len(TOKEN_ID) :].isdigit():
        token_id = int(text[len(TOKEN_ID) :])
    return ReturnedToken(text, token_id if isinstance(token_id, int) else None, number) if number > NEVER else None


def _number(value: object) -> float:
    """NaN for whatever is no number, or an integer beyond any float."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


def _mass(log_probabilities: Sequence[float], parameter: str) -> float:
    mass = sum(math.exp(min(value, 1.0)) for value in log_probabilities)
    if mass > 1.01:
        raise ModelUnusable(f"{parameter}: the server's log-probabilities add up to {mass:.2f}: they are none")
    return min(1.0, mass)


def _sum(log_probabilities: Sequence[float]) -> float:
    top = max(log_probabilities)
    return top + math.log(sum(math.exp(value - top) for value in log_probabilities))
