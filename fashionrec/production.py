"""Running a command on production settings with nothing configured."""

import os
import secrets
import sys
from pathlib import Path

from django.conf import settings

PRODUCTION = "fashionrec.settings.production"


def use_production_settings() -> None:
    """Start this command again on production settings, unless it is on settings of somebody's choice already.

    The secret key, where none is given, is made once for this machine and kept in a file only its owner reads.
    """
    if os.environ.get("DJANGO_SETTINGS_MODULE") != "fashionrec.settings.development":
        return
    chosen = {"DJANGO_SETTINGS_MODULE": PRODUCTION, "PYTHONUNBUFFERED": "1"}
    if os.environ.get("FASHIONREC_SECRET_KEY", "").startswith("development-only"):
        chosen["FASHIONREC_SECRET_KEY"] = machine_secret(Path(settings.DATA_DIR) / "secret_key")
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | chosen)  # noqa: S606


def machine_secret(path: Path) -> str:
    """The secret in `path`, written on first use; two processes that start at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(secrets.token_urlsafe(50))
    try:
        os.link(partial, path)  # fails when another process was first
    except FileExistsError:
        pass
    partial.unlink()
    return path.read_text()
