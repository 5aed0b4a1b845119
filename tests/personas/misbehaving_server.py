"""A real HTTP server that writes people for `OpenAICompatibleModel`, badly in every way that servers have."""

import hashlib
import itertools
import json
from typing import Any

from tests.personas.persona_writer import BROKEN, PROSE, TWIN, person_json
from tests.scripted_server import Reply, Request, ScriptedServer, garbage, hangs, says, status

TRANSPORT = 40
"""Of so many answers one each is 429 (asking to wait a moment), 503, a dropped connection and a broken body."""

HANGS = 60
"""Of so many answers one does not come before the client gives up."""


class MisbehavingServer(ScriptedServer):
    """Of a hundred answers that arrive 15 are prose, 10 broken JSON, 6 the same person but for a word, and 6 have too
    short a bio; 5 valid ones stand in prose. What is wrong with a text depends on the prompt and its seed alone;
    failures of the transport come by turns. `texts` holds the (prompt, seed) of every answer that arrived whole."""

    def __init__(self) -> None:
        self._turn = itertools.count(1)
        self.texts: list[tuple[str, int]] = []
        super().__init__(default=self._answer)

    def _answer(self, request: Request) -> Reply:
        turn = next(self._turn)
        faults: dict[int, Reply] = {
            7: status(429, retry_after="0.01"), 17: status(503), 27: Reply(drop=True), 37: garbage(),
        }  # fmt: skip
        if turn % HANGS == 31:
            return hangs(1.0)
        if (fault := faults.get(turn % TRANSPORT)) is not None:
            return fault
        prompt, seed = request.body["messages"][1]["content"], request.body["seed"]
        self.texts.append((prompt, seed))
        behaviour: Any = says(text_for(prompt, seed))
        return behaviour(request)


def text_for(prompt: str, seed: int) -> str:
    fate = int.from_bytes(hashlib.sha256(f"{prompt}/{seed}/fate".encode()).digest()[:4], "big") % 100
    good = person_json(prompt, seed)
    if fate < 15:
        return PROSE
    if fate < 25:
        return BROKEN
    if fate < 31:
        return TWIN if fate < 28 else TWIN.replace("in all weathers", f"in {seed % 9} weathers")
    if fate < 37:
        return json.dumps({**json.loads(good), "bio": "Short."})
    return f"Certainly! Here you are:\n```json\n{good}\n```\nAnything else?" if fate < 42 else good
