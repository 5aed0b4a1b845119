"""A person's choice between two answers of a prompt lab."""

from fashionrec.common.errors import Invalid
from personas.lab_answers import comparison_of
from personas.models import LabRun, PreferencePair
from personas.services.preferences import LAB, record_preference


def choose(*, run: LabRun, better_id: int, worse_id: int, chosen_by: str) -> PreferencePair:
    """Store that one output of `run` is better than another; a pair judged before keeps its first judgement.

    Only answers to the same prompt, from arms that differ in model or sampling, make a pair: preference training
    compares continuations of one prompt. Raises Invalid for anything else.
    """
    pair = comparison_of(run, better_id, worse_id)
    if pair is None:
        raise Invalid.for_field("worse", worse_id, f"expected another answer of this run to the cell of {better_id}")
    if not pair.may_be_stored:
        reason = "the two must be different answers to the same prompt, of one persona each"
        raise Invalid.for_field("worse", worse_id, reason)
    return record_preference(
        prompt=pair.left.prompt,
        preferred=pair.left.text,
        rejected=pair.right.text,
        provenance=LAB,
        persona=pair.left.persona,
        key=pair.key,
        chosen_by=chosen_by,
    )
