from celery import shared_task


@shared_task(name="recommender.tasks.work_training_run", ignore_result=True)
def work_training_run(run_id: str) -> None:
    from recommender import jobs

    jobs.work_training_run(run_id)
