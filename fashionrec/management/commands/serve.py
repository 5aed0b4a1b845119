"""manage.py serve: the web server and a worker, until Ctrl-C."""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from fashionrec import embedded
from fashionrec.processes import Supervisor, free_port, wait_until_serving, web_process, worker_process
from fashionrec.production import use_production_settings


class Command(BaseCommand):
    help = "Serve the shop on this machine: web server, worker and beat."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="another one is taken when it is in use (8000)")

    def handle(self, *, port: int, **_: Any) -> None:
        use_production_settings()
        if settings.USES_EMBEDDED_DATABASE:
            embedded.start(settings.DATA_DIR)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        port = free_port(port)
        with Supervisor(worker_process(), web_process(port=port)) as supervisor:
            wait_until_serving(f"http://127.0.0.1:{port}/health/live", supervisor)
            self.stdout.write(f"storefront  http://127.0.0.1:{port}/   (Ctrl-C stops)")
            try:
                while True:
                    supervisor.check()
                    time.sleep(1)
            except KeyboardInterrupt:
                self.stdout.write("stopping")
