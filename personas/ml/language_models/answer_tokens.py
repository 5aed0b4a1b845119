"""Prompts as token ids, and which single token stands for each label at the place where the answer begins."""

from collections.abc import Mapping, Sequence
from typing import Any

from personas.ml.language_model import LabelsRefused, Message, ModelUnusable

PLACEHOLDER = "QXZJQ"
"""Stands for the answer in a rendered chat, to see what a template writes around it."""


class PromptEncoder:
    """Texts to token ids, plainly or as the user's turn of a chat.

    Every prompt is encoded whole. To encode a prefix and a suffix apart and put the ids together would be another
    text wherever the tokenizer merges over the seam; what prompts share is read off their ids afterwards.
    """

    def __init__(self, tokenizer: Any, *, chat: bool) -> None:
        self.tokenizer, self.chat = tokenizer, chat
        self._label_ids: dict[tuple[tuple[str, ...], str], list[int]] = {}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        if not self.chat:
            return [list(ids) for ids in self.tokenizer(list(texts))["input_ids"]]
        return self._encode_rendered([self.render([{"role": "user", "content": text}]) for text in texts])

    def encode_messages(self, messages: Sequence[Message]) -> list[int]:
        """A conversation up to where the assistant begins."""
        return self._encode_rendered([self.render(messages)])[0]

    def render(self, messages: Sequence[Message], *, answered: bool = False) -> str:
        """The template's text. Turns of one role in a row become one; a system turn that the template refuses goes
        into the user's."""
        turns = _merged(messages)
        try:
            return self._template(turns, answered)
        except Exception as error:  # whatever a template raises, it raises through jinja2
            if turns[0]["role"] != "system" or len(turns) < 2:
                raise ModelUnusable(f"chat: the model's template refuses the messages: {error}") from error
            first = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
            return self._template([first, *turns[2:]], answered)

    def label_ids(self, labels: Sequence[str], text: str) -> list[int]:
        """The token of each label as the answer to `text`. Raises LabelsRefused unless one token each, all distinct."""
        ending = last_line(text)
        key = (tuple(labels), ending)
        if key not in self._label_ids:
            asked, answers = self._answers(labels, ending)
            self._label_ids[key] = list(sole_tokens(asked, answers, self._token_name).values())
        return self._label_ids[key]

    def _answers(self, labels: Sequence[str], ending: str) -> tuple[list[int], dict[str, list[int]]]:
        if not self.chat:
            gap = "" if ending[-1:].isspace() else " "
            encoded = self.encode([ending, *(f"{ending}{gap}{label}" for label in labels)])
            return encoded[0], dict(zip(labels, encoded[1:], strict=True))
        turn: Message = {"role": "user", "content": ending}
        asked = self.render([turn])
        head = self.render([turn, {"role": "assistant", "content": PLACEHOLDER}], answered=True)
        head = head.partition(PLACEHOLDER)[0]
        if not head.startswith(asked):
            head = asked  # the template prepares the answer otherwise than it writes it down
        encoded = self._encode_rendered([asked, *(head + label for label in labels)])
        return encoded[0], dict(zip(labels, encoded[1:], strict=True))

    def _template(self, turns: Sequence[Message], answered: bool) -> str:
        return str(self.tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=not answered))

    def _encode_rendered(self, texts: Sequence[str]) -> list[list[int]]:
        """A template writes the special tokens itself."""
        return [list(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    def _token_name(self, token_id: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(token_id))


def last_line(text: str) -> str:
    """The last line with words in it, and whatever space follows it: all that the answer's token hangs on."""
    return text[text.rstrip().rfind("\n") + 1 :]


def sole_tokens(asked: Sequence[int], answers: Mapping[str, Sequence[int]], name: Any = str) -> dict[str, int]:
    """The one token that each answer adds to what was asked.

    asked: ids of the prompt; answers: ids of prompt and label together. `name` writes a token id for people.
    Raises LabelsRefused quoting the tokens when a label is not one token, changes those before it, or two labels
    begin alike.
    """
    found: dict[str, int] = {}
    faults: list[str] = []
    for label, ids in answers.items():
        added = list(ids[len(asked) :])
        if list(ids[: len(asked)]) != list(asked):
            faults.append(f"{label!r} merges with the words before it")
        elif len(added) != 1:
            faults.append(f"{label!r} is {len(added)} tokens ({', '.join(repr(name(token)) for token in added)})")
        elif added[0] in found.values():
            twin = next(other for other, token in found.items() if token == added[0])
            faults.append(f"{label!r} is the same token as {twin!r} ({name(added[0])!r})")
        else:
            found[label] = added[0]
    if faults:
        raise LabelsRefused(f"labels: not one distinct token each at the answer: {'; '.join(faults)}")
    return found


def _merged(messages: Sequence[Message]) -> list[Message]:
    """Templates want user and assistant in turn."""
    turns: list[Message] = []
    for message in messages:
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1] = {"role": message["role"], "content": f"{turns[-1]['content']}\n\n{message['content']}"}
        else:
            turns.append({"role": message["role"], "content": message["content"]})
    return turns
