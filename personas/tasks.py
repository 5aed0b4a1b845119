from celery import shared_task


@shared_task(name="personas.tasks.work_rating_run", ignore_result=True)
def work_rating_run(run_id: str) -> None:
    from personas import jobs

    jobs.work_rating_run(run_id)


@shared_task(name="personas.tasks.probe_language_model", ignore_result=True)
def probe_language_model(model_id: int) -> None:
    from personas import jobs

    jobs.probe_model(model_id)


@shared_task(name="personas.tasks.work_persona_run", ignore_result=True)
def work_persona_run(run_id: str) -> None:
    from personas import persona_jobs

    persona_jobs.work_persona_run(run_id)


@shared_task(name="personas.tasks.work_lab_run", ignore_result=True)
def work_lab_run(run_id: str) -> None:
    from personas import lab_jobs

    lab_jobs.work_lab_run(run_id)
