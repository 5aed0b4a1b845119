"""Structure out of text: ask, find the JSON object, validate it, and ask again saying what was wrong."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import ValidationError

from personas.ml.language_model import GenerationFailed, Message, Sampling, Structure

COMPLETION_STOP = "\n\n"
"""A completion model's JSON is one line: whatever it goes on to say after a blank line is another story."""

LONGEST_QUOTE = 300

_VALUE = re.compile(r"( \(received| in) ['\"].*", re.DOTALL)
"""Where a reason quotes the answer; the first fault is enough to be told."""


def completion_prompt(messages: Sequence[Message]) -> str:
    """Messages as one text that a completion model continues with a JSON object on one line."""
    return "\n\n".join(message["content"].strip() for message in messages) + "\n\nJSON:"


def generate_structure(
    write: Callable[[Sequence[Message], Sampling], str],
    messages: Sequence[Message],
    schema: type[Structure],
    *,
    sampling: Sampling,
    retries: int,
) -> Structure:
    """A validated instance of `schema` out of what `write` answers; each retry has its own seed and the reason.

    Raises GenerationFailed with one reason per attempt. Servers' own constraints are not trusted: constrained
    decoding enforces no numeric bounds, so everything is validated here.
    """
    reasons: list[str] = []
    for attempt in range(1 + retries):
        asked = list(messages)
        if reasons:
            asked.append(refusal(reasons[-1]))
        text = write(asked, replace(sampling, seed=sampling.seed + attempt))
        try:
            return schema.model_validate(first_json_object(text))
        except ValidationError as error:
            reasons.append("; ".join(_in_words(found) for found in error.errors()))
        except ValueError as error:
            reasons.append(str(error))
    raise GenerationFailed(reasons)


def refusal(reason: str) -> Message:
    """What was wrong with the answer before, in the words for the model: without the value that was received.

    A small model goes on from whatever it reads: shown its own broken answer it repeated the fault in 23 of 25 cases,
    told the bare reason in 6.
    """
    bare = _VALUE.sub("", reason).replace("Value error, ", "")
    return {"role": "user", "content": f"That was refused: {bare} Answer with the JSON alone."}


def first_json_object(text: str) -> object:
    """The first JSON object in a text that may have prose or a code fence around it. Raises ValueError."""
    start = text.find("{")
    if start < 0:
        raise ValueError(f"there is no JSON object in {_quoted(text)}")
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text[start:])
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON ({error.msg} at {error.pos}) in {_quoted(text)}") from error
    except RecursionError:
        raise ValueError(f"broken JSON (nested too deeply) in {_quoted(text)}") from None
    return value


def _in_words(error: object) -> str:
    location = ".".join(str(part) for part in error["loc"])  # type: ignore[index]
    return f"{location}: {error['msg']} (received {_quoted(str(error['input']))})"  # type: ignore[index]


def _quoted(text: str) -> str:
    return repr(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…")
