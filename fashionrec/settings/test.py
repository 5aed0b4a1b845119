"""Settings for the test suite: its own embedded Postgres and files under var/test, fast passwords."""

import os

from fashionrec.env import BASE_DIR

os.environ.setdefault("FASHIONREC_SECRET_KEY", "test-only-not-a-secret")
os.environ.setdefault("FASHIONREC_LOG_FORMAT", "quiet")
os.environ.setdefault("FASHIONREC_DATA_DIR", str(BASE_DIR / "var" / "test"))

from .base import *  # noqa: F403
from .base import DATABASES, STORAGES

# Engineers who run parts of the suite side by side give each run a database of its own.
DATABASES["default"]["TEST"] = {"NAME": os.environ.get("FASHIONREC_TEST_DATABASE", "test_fashionrec")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
