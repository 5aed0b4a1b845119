from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.db import connections
from django.db.models.signals import post_migrate


class FashionrecAdminConfig(AdminConfig):
    default_site = "fashionrec.admin.FashionrecAdminSite"


class FashionrecConfig(AppConfig):
    """The composition root as an app, so that its management commands are found. It has no models."""

    name = "fashionrec"
    label = "fashionrec"

    def ready(self) -> None:
        # Sent once per app that has models, which this one has not.
        post_migrate.connect(install_queue, sender=apps.get_app_config("common"))


def install_queue(using: str, **_: Any) -> None:
    """Put the queue's tables and functions into a migrated database, once; pgmq carries them as plain SQL."""
    if not settings.CELERY_BROKER_URL.startswith("pgmq"):
        return
    from pgmq.install import get_embedded_install_sql

    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regnamespace('pgmq') IS NULL")
        row = cursor.fetchone()
        if row and row[0]:
            cursor.execute(get_embedded_install_sql())
