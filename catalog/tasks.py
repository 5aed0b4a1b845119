"""Celery's way into the catalogue's jobs: ids in, call the job."""

from celery import shared_task


@shared_task(name="catalog.tasks.work_import_run", ignore_result=True)
def work_import_run(run_id: str) -> None:
    from catalog.jobs import work_import_run as work

    work(run_id)
