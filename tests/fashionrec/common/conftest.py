from collections.abc import Callable, Iterator
from queue import Empty

import pytest
from celery import current_app

Rung = Callable[[], list[tuple[str, str, list[object]]]]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`broker("amqp://…")`: from now on the doorbell rings at that broker."""
    app = current_app._get_current_object()
    kept = {name: app.conf[name] for name in ("broker_url", "broker_transport_options")}

    def use(url: str) -> None:
        options = {name: kept["broker_transport_options"][name] for name in ("max_retries", "interval_start")}
        app.conf.update(broker_url=url, broker_transport_options=options)
        monkeypatch.setattr(app, "_pool", None)
        monkeypatch.setattr(app.amqp, "_producer_pool", None)

    yield use
    app.conf.update(kept)


@pytest.fixture
def rung(broker: Callable[[str], None]) -> Iterator[Rung]:
    """`rung()`: what the doorbell sent since the last look, as (queue, task, arguments), through a broker in memory."""
    broker("memory://")
    app = current_app._get_current_object()

    def received() -> list[tuple[str, str, list[object]]]:
        found = []
        with app.connection_for_read() as connection:
            for name in ("default", "embed", "rate", "train"):
                with connection.SimpleQueue(app.amqp.queues.select_add(name)) as queue:
                    while True:
                        try:
                            message = queue.get_nowait()
                        except Empty:
                            break
                        message.ack()
                        found.append((name, message.headers["task"], list(message.payload[0])))
        return found

    received()
    yield received
    received()
