from celery import shared_task


@shared_task(name="fashionrec.common.tasks.resume_stalled", ignore_result=True)
def resume_stalled() -> int:
    from fashionrec.common.runs import ring_for_stalled_runs

    return ring_for_stalled_runs()
