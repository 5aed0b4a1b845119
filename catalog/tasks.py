"""Celery's way into the catalogue's jobs: ids in, call the job."""

from celery import shared_task


@shared_task(name="catalog.tasks.work_import_run", ignore_result=True)
def work_import_run(run_id: str) -> None:
    from catalog.jobs import work_import_run as work

    work(run_id)


@shared_task(name="catalog.tasks.work_embedding_run", ignore_result=True)
def work_embedding_run(run_id: str) -> None:
    from catalog.embedding_jobs import work_embedding_run as work

    work(run_id)


@shared_task(name="catalog.tasks.embed_dirty", ignore_result=True)
def embed_dirty() -> None:
    """Plan a run over products whose vectors are missing or stale, if any encoder is live."""
    from catalog.services.embeddings import plan_due_embedding

    plan_due_embedding()


@shared_task(name="catalog.tasks.work_image_download_run", ignore_result=True)
def work_image_download_run(run_id: str) -> None:
    from catalog.download_jobs import work_image_download_run as work

    work(run_id)


@shared_task(name="catalog.tasks.work_cluster_run", ignore_result=True)
def work_cluster_run(run_id: str) -> None:
    from catalog.style_jobs import work_cluster_run as work

    work(run_id)


@shared_task(name="catalog.tasks.work_suggestion_run", ignore_result=True)
def work_suggestion_run(run_id: str) -> None:
    from catalog.suggestion_jobs import work_suggestion_run as work

    work(run_id)


@shared_task(name="catalog.tasks.place_new_products", ignore_result=True)
def place_new_products() -> None:
    """Put new products beside their likes, and plan a clustering when many have changed since the last one."""
    from catalog.services.style_placements import place_new_products as place
    from catalog.services.styles import plan_due_clustering

    place()
    plan_due_clustering()
