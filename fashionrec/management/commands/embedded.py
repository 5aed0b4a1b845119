"""manage.py embedded start|stop|status: the embedded Postgres server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec import embedded


class Command(BaseCommand):
    help = "Start, stop or inspect the embedded Postgres (data, vectors and task queue)."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *, action: str, **_: Any) -> None:
        if not settings.USES_EMBEDDED_DATABASE:
            raise CommandError("DATABASE_URL is set: fashionrec uses that server and leaves the embedded one alone")
        try:
            if action == "start":
                embedded.start(settings.DATA_DIR)
            elif action == "stop":
                embedded.stop(settings.DATA_DIR)
        except embedded.EmbeddedServerError as error:
            raise CommandError(str(error)) from error
        status = embedded.status(settings.DATA_DIR)
        state = f"running (pid {status.pid})" if status.running else "stopped"
        self.stdout.write(
            f"embedded Postgres: {state}\n  data   {status.data_directory}\n  socket {status.socket_directory}"
        )
