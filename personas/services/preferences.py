"""Preference pairs: of two answers to one prompt the better one, as direct preference optimisation trains on them.

Who says so is the pair's provenance: `lab` (a person compared two answers in admin), `clicks` (derived from what
shoppers took and passed over) or `simulated clicks`. Pairs of different provenance are never mixed up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from fashionrec.common.errors import Invalid
from personas.models import Persona, PreferencePair

LAB, CLICKS, SIMULATED_CLICKS = "lab", "clicks", "simulated clicks"
PROVENANCES = (LAB, CLICKS, SIMULATED_CLICKS)
LONGEST_KEY = 160
BATCH = 1_000


@dataclass(frozen=True)
class NewPreference:
    """A pair to be recorded. key: what it was derived from, such that it is recorded once."""

    prompt: str
    preferred: str
    rejected: str
    key: str
    persona: Persona | None = None
    chosen_by: str = ""


@transaction.atomic
def record_preference(
    *,
    prompt: str,
    preferred: str,
    rejected: str,
    provenance: str,
    persona: Persona | None = None,
    key: str | None = None,
    chosen_by: str = "",
) -> PreferencePair:
    """Record one pair; a `key` recorded before returns its pair unchanged.

    Raises Invalid for an unknown provenance, an empty prompt or answer, equal answers, or a key over LONGEST_KEY.
    """
    _check(prompt, preferred, rejected, provenance, key)
    values = {
        "prompt": prompt,
        "preferred": preferred,
        "rejected": rejected,
        "provenance": provenance,
        "persona": persona,
        "chosen_by": chosen_by[:150],
    }
    if key is None:
        return PreferencePair.objects.create(**values)
    return PreferencePair.objects.get_or_create(key=key, defaults=values)[0]


@transaction.atomic
def record_preferences(*, pairs: Iterable[NewPreference], provenance: str) -> int:
    """Record many pairs; returns how many are new. Raises Invalid like `record_preference`, recording none."""
    wanted = {pair.key: pair for pair in pairs}
    for pair in wanted.values():
        _check(pair.prompt, pair.preferred, pair.rejected, provenance, pair.key)
    known = set(PreferencePair.objects.filter(key__in=list(wanted)).values_list("key", flat=True))
    rows = [
        PreferencePair(
            key=pair.key,
            prompt=pair.prompt,
            preferred=pair.preferred,
            rejected=pair.rejected,
            provenance=provenance,
            persona=pair.persona,
            chosen_by=pair.chosen_by[:150],
        )
        for key, pair in wanted.items()
        if key not in known
    ]
    PreferencePair.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    return len(rows)


def forget_preferences(*, key_prefix: str, keep: Sequence[str] | set[str] = ()) -> int:
    """Delete the pairs whose key begins with `key_prefix`, but those in `keep`; returns how many.

    Raises ValueError for an empty prefix, which would be every derived pair.
    """
    if not key_prefix:
        raise ValueError("key_prefix: must not be empty")
    pairs = PreferencePair.objects.filter(key__startswith=key_prefix)
    if keep:
        pairs = pairs.exclude(key__in=list(keep))
    return pairs.delete()[0]


def _check(prompt: str, preferred: str, rejected: str, provenance: str, key: str | None) -> None:
    if provenance not in PROVENANCES:
        raise Invalid.for_field("provenance", provenance, f"expected one of {', '.join(PROVENANCES)}")
    for name, value in (("prompt", prompt), ("preferred", preferred), ("rejected", rejected)):
        if not value.strip():
            raise Invalid.for_field(name, value, "must not be empty")
    if preferred.strip() == rejected.strip():
        raise Invalid.for_field("rejected", rejected, "equals the preferred answer: there is nothing to prefer")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Invalid.for_field("key", key, f"expected 1 to {LONGEST_KEY} characters")
