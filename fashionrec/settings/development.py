"""Settings for working on the project: debug pages, plain static files, a throw-away key."""

import os

os.environ.setdefault("FASHIONREC_SECRET_KEY", "development-only-not-a-secret")

from .base import *  # noqa: F403
from .base import STORAGES

DEBUG = True
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
