"""Settings for serving: no debug, hashed static files, and a secret key that must be given."""

from .base import *  # noqa: F403
from .base import ENVIRONMENT

DEBUG = False
SECURE_SSL_REDIRECT = ENVIRONMENT.secure_cookies
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.secure_cookies else None
SECURE_HSTS_SECONDS = 31_536_000 if ENVIRONMENT.secure_cookies else 0
