"""A rating run to be tried: planned for five people, and worked on here."""

from fashionrec.common.queue import without_ringing
from personas.jobs import work_rating_run
from personas.services.language_models import register_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import plan_rating_run


def plan(adapter="tests.raters.SteadyRater", **options):
    personas = generate_personas(count=5, seed=1)
    model = register_language_model(
        name=adapter.rpartition(".")[2], adapter=adapter, options=options.pop("options", {}),
        prompt_price=options.pop("prompt_price", 0),
    )  # fmt: skip
    with without_ringing():
        return plan_rating_run(
            personas=personas, language_model=model, **{"raters_per_product": 3, "seed": 4, **options}
        )


def work(run, **options):
    work_rating_run(str(run.pk), **options)
    run.refresh_from_db()
    return run
