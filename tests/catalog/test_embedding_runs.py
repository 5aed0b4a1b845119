"""Embedding runs that cannot be worked on, and how often beat plans one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.jobs import work_embedding_run
from catalog.models import EmbeddingRun
from catalog.services.embeddings import REST, plan_due_embedding, plan_embedding_run
from fashionrec.common.queue import without_ringing
from tests.factories.catalog import EncoderFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def silence():
    with without_ringing():
        yield


@pytest.mark.parametrize(
    ("name", "reason"), [("gone", "there is no config.json in"), ("compact", "compact now has weights")]
)
def test_an_encoder_that_cannot_be_loaded_or_has_other_weights_fails_the_run(name, reason):
    ProductFactory(pictures=0)
    run = plan_embedding_run(encoder=EncoderFactory(name=name, digest="0" * 64))
    work_embedding_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.error.startswith("encoder: ")
    assert reason in run.error
    assert run.finished_at is not None


def test_beat_plans_what_is_dirty_and_rests_after_a_failure():
    assert plan_due_embedding() is None  # no encoder is live
    encoder = EncoderFactory(is_live=True)
    ProductFactory(pictures=0)
    run = plan_due_embedding()
    assert plan_due_embedding() == run
    EmbeddingRun.objects.update(state="failed")
    assert plan_due_embedding() is None
    EmbeddingRun.objects.update(created_at=timezone.now() - REST - timedelta(seconds=1))
    again = plan_due_embedding()
    assert again not in (None, run)
    EmbeddingRun.objects.filter(pk=again.pk).update(state="failed")
    assert plan_embedding_run(encoder=encoder) is not None  # a person who asks does not wait
