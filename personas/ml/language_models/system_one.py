"""Decision servers: /v1/systemone answers a choice with a probability for every option, and writes no text."""

import string
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import LABELS, LabelsRefused, ModelUnusable
from personas.ml.language_models.remote_model import RemoteModel

SMALLEST = 1e-30
"""A probability that a server rounded to nothing: its logarithm must be a number."""


class SystemOneModel(RemoteModel):
    """`transformers serve` and others with /v1/systemone. Text is written through the server's other endpoints.

    The server puts its own question under the prompt ("Answer with the letter of the option …"), calls the options
    A, B, C, … in the order given, and spreads all probability over them: the label mass is 1 whatever the model
    would rather have said, so nothing can be told from it.
    """

    scoring = "exact"

    def check_labels(self, labels: Sequence[str]) -> None:
        """The server's letters are A, B, C, …: others would be asked for under another name."""
        expected = sorted(labels)
        if not labels or "".join(expected) != string.ascii_uppercase[: len(expected)]:
            raise LabelsRefused(f"labels: a decision server calls its options A, B, C, …, received {', '.join(labels)}")
        self._score("Rating:", tuple(labels))

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str] = LABELS) -> NDArray[np.float32]:
        """Logarithms of the option probabilities: (len(suffixes), len(labels)) float32, each row's sum being 1."""
        wanted = tuple(labels)
        rows = self.in_parallel(lambda suffix: self._score(prefix + suffix, wanted), suffixes)
        return (
            np.log(np.maximum(np.array(rows, dtype=np.float64), SMALLEST)).astype(np.float32).reshape(-1, len(wanted))
        )

    def _score(self, prompt: str, labels: tuple[str, ...]) -> list[float]:
        question = {"type": "choice", "criteria": dict.fromkeys(sorted(labels))}
        answer = self.client.post("systemone", {"model": self.name, "state": prompt, "questions": {"rating": question}})
        self.count(answer.get("usage"), prompt, "")
        answers = answer.get("answers")
        rating = answers.get("rating") if isinstance(answers, dict) else None
        found = rating.get("probabilities") if isinstance(rating, dict) else None
        if not isinstance(found, dict) or set(found) != set(labels):
            raise ModelUnusable(
                f"systemone: expected probabilities of {', '.join(labels)}, received {str(answer)[:200]}"
            )
        values = [found[label] for label in labels]
        if not all(isinstance(value, int | float) and 0 <= value <= 1 for value in values):
            raise ModelUnusable(f"systemone: expected probabilities within 0 and 1, received {str(values)[:200]}")
        if abs(sum(values) - 1.0) > 1e-3:
            raise ModelUnusable(f"systemone: the probabilities add up to {sum(values):.3f}, not to 1")
        return [float(value) for value in values]
