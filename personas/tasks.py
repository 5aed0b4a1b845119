from celery import shared_task


@shared_task(name="personas.tasks.work_rating_run", ignore_result=True)
def work_rating_run(run_id: str) -> None:
    from personas import jobs

    jobs.work_rating_run(run_id)
