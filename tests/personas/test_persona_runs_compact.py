"""The small language model that comes with the shop imagines people, by the same way as any other."""

import pytest

from fashionrec.common.queue import without_ringing
from personas.models import LanguageModel
from personas.persona_jobs import work_persona_run
from personas.services.persona_runs import plan_persona_run
from tests.personas.checked_people import check

pytestmark = pytest.mark.django_db

PEOPLE = 12


def test_the_shipped_model_fills_cells_with_valid_people_or_reports_them_as_failed():
    model = LanguageModel.objects.create(
        name="compact", adapter="personas.ml.language_models.transformers_model.TransformersModel"
    )
    with without_ringing():
        run = plan_persona_run(
            count=PEOPLE, language_model=model, seed=1, quotas={"gender": {"man": PEOPLE // 2, "woman": PEOPLE // 2}}
        )
    work_persona_run(str(run.pk))
    run.refresh_from_db()
    check(run)
    assert run.report["valid"] >= 0.9 * PEOPLE
    assert run.report["refused"]["unusable"] == 0
