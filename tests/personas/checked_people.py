"""What must hold of every persona run that has ended, whoever wrote the people."""

from sklearn.feature_extraction.text import TfidfVectorizer

from personas.ml.near_duplicates import person_text
from personas.ml.persona_draft import CELL_ATTRIBUTES, PersonaDraft
from personas.models import Persona, PersonaRun


def check(run: PersonaRun) -> None:
    """Everybody is valid in the cell drawn for them, or reported as failed after three retries; nobody is a twin."""
    chunks = list(run.chunks.select_related("persona"))
    people = [chunk.persona for chunk in chunks if chunk.state == "done"]
    failed = [chunk for chunk in chunks if chunk.state == "failed"]
    assert len(people) + len(failed) == len(chunks) == run.total
    assert (run.report["valid"], run.report["failed"], run.report["unasked"]) == (len(people), len(failed), 0)
    assert Persona.objects.count() == len({person.pk for person in people}) == len(people)
    assert all(len(chunk.rejections) == 4 for chunk in failed)
    assert all(len(chunk.rejections) <= 3 for chunk in chunks if chunk.state == "done")
    for chunk in chunks:
        if chunk.persona:
            assert all(getattr(chunk.persona, name) == chunk.cell[name] for name in CELL_ATTRIBUTES)
            PersonaDraft.model_validate(
                {name: getattr(chunk.persona, name) for name in ("name", "likes", "dislikes", "brands", "bio")}
            )
    texts = [person_text(bio=person.bio, brands=person.brands, dislikes=person.dislikes) for person in people]
    vectors = TfidfVectorizer(ngram_range=(2, 2)).fit_transform(texts)
    cosines = (vectors @ vectors.T).toarray()
    assert max(cosines[i, j] for i in range(len(texts)) for j in range(i)) <= 0.9
    assert run.report["nearest"]["pairs_above"] == 0
