"""Personas, raters and rating runs."""

from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from personas.models import LanguageModel, Persona, PromptTemplate, QualityReport, Rating, RatingChunk, RatingRun
from personas.prompts import default_template


class PersonaFactory(DjangoModelFactory[Persona]):
    class Meta:
        model = Persona

    key = factory.Sequence(lambda n: f"p-{n}")
    name = "Clara Dunmore"
    gender = "woman"
    age_band = "25-34"
    region = "capital"
    occupation = "creative"
    style = "casual"
    budget = "medium"
    likes = ("denim", "sneakers")
    dislikes = ("floral", "heels")
    bio = "Clara cycles everywhere. She will not wear floral or heels."
    seed = 0


class LanguageModelFactory(DjangoModelFactory[LanguageModel]):
    class Meta:
        model = LanguageModel
        django_get_or_create = ("name",)

    name = "simulated"
    adapter = "fashionrec.simulation.rater.SimulatedRater"
    digest = "0" * 64
    is_simulator = True


class RatingRunFactory(DjangoModelFactory[RatingRun]):
    """`RatingRunFactory(chunks=3)`: a queued run of three chunks, two units of work in each."""

    class Meta:
        model = RatingRun
        skip_postgeneration_save = True

    language_model = factory.SubFactory(LanguageModelFactory)

    @factory.lazy_attribute
    def template(self) -> PromptTemplate:
        return default_template()

    @factory.post_generation
    def chunks(run: RatingRun, create: bool, extracted: int | None, **kwargs: Any) -> None:  # noqa: N805
        if extracted:
            persona = PersonaFactory()
            for index in range(extracted):
                RatingChunk.objects.create(run=run, index=index, size=2, persona=persona, product_ids=[])
            run.total = 2 * extracted
            run.save(update_fields=["total"])


class QualityReportFactory(DjangoModelFactory[QualityReport]):
    """`QualityReportFactory(run=r)`: what lets a finished run be published; with `passed=False` what does not."""

    class Meta:
        model = QualityReport

    run = factory.SubFactory(RatingRunFactory, state="done")
    passed = True
    figures = factory.LazyFunction(dict)


class RatingFactory(DjangoModelFactory[Rating]):
    """`RatingFactory(persona=p, product=q, expectation=8.5)` of a published run unless `run` says otherwise."""

    class Meta:
        model = Rating

    run = factory.SubFactory(RatingRunFactory, state="done", published_at=factory.LazyFunction(timezone.now))
    persona = factory.SubFactory(PersonaFactory)
    product = factory.SubFactory("tests.factories.catalog.ProductFactory")
    probabilities = factory.LazyFunction(lambda: [0.0] * 8 + [1.0, 0.0, 0.0])
    expectation = 8.0
    simulated = True
