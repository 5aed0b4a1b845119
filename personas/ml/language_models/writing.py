"""What every adapter that writes text shares: structure out of whatever it writes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from personas.ml.language_model import Message, Sampling, Structure
from personas.ml.structured_output import generate_structure


class StructuredWriter(ABC):
    """`generate` for an adapter that can answer messages."""

    @abstractmethod
    def write(self, messages: Sequence[Message], sampling: Sampling) -> str:
        """The answer to a conversation, however this model is asked."""

    def generate(
        self, messages: Sequence[Message], schema: type[Structure], *, sampling: Sampling, retries: int = 3
    ) -> Structure:
        """A validated instance of `schema`; at most 1 + `retries` attempts. Raises GenerationFailed."""
        return generate_structure(self.write, messages, schema, sampling=sampling, retries=retries)
