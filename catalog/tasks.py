"""Celery's way into the catalogue's jobs: ids in, call the job."""

from celery import shared_task


@shared_task(name="catalog.tasks.work_import_run", ignore_result=True)
def work_import_run(run_id: str) -> None:
    from catalog.jobs import work_import_run as work

    work(run_id)


@shared_task(name="catalog.tasks.work_embedding_run", ignore_result=True)
def work_embedding_run(run_id: str) -> None:
    from catalog.jobs import work_embedding_run as work

    work(run_id)


@shared_task(name="catalog.tasks.embed_dirty", ignore_result=True)
def embed_dirty() -> None:
    """Plan a run over products whose vectors are missing or stale, if any encoder is live."""
    from catalog.services.embeddings import plan_due_embedding

    plan_due_embedding()
