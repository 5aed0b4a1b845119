import threading
import time

import pytest
from django.db import connection, transaction

from fashionrec.common.locks import Lock, take_lock


def test_no_two_purposes_share_a_number():
    assert len({int(lock) for lock in Lock.__members__.values()}) == len(Lock.__members__)


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_waited_for_until_the_transaction_of_its_holder_ends_and_other_locks_are_free():
    order = []
    held = threading.Event()

    def second():
        try:
            held.wait(10)
            with transaction.atomic():
                take_lock(Lock.RATING_PLAN)
                take_lock(Lock.PROMOTION, key=1)
                order.append("other locks")
                take_lock(Lock.PROMOTION)
                order.append("second")
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        take_lock(Lock.PROMOTION)
        held.set()
        time.sleep(0.5)
        order.append("first")
    thread.join(10)
    assert order == ["other locks", "first", "second"]

    with pytest.raises(RuntimeError, match=r"PROMOTION.*inside a transaction"):
        take_lock(Lock.PROMOTION)
