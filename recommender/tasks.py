from celery import shared_task


@shared_task(name="recommender.tasks.work_training_run", ignore_result=True)
def work_training_run(run_id: str) -> None:
    from recommender import jobs

    jobs.work_training_run(run_id)


@shared_task(name="recommender.tasks.work_study", ignore_result=True)
def work_study(run_id: str) -> None:
    from recommender import study_jobs

    study_jobs.work_study(run_id)


@shared_task(name="recommender.tasks.work_retraining", ignore_result=True)
def work_retraining(run_id: str) -> None:
    from recommender import retraining_jobs

    retraining_jobs.work_retraining(run_id)


@shared_task(name="recommender.tasks.retrain_when_due", ignore_result=True)
def retrain_when_due() -> None:
    from recommender.services.retraining import retrain_when_due as start_due

    start_due()


@shared_task(name="recommender.tasks.place_new_products", ignore_result=True)
def place_new_products() -> None:
    """Let the models that serve, or may next, know products that came since they were trained."""
    from recommender import extension_jobs

    extension_jobs.place_new_products()
