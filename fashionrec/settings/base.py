"""Settings shared by every environment. Only fashionrec/env.py reads environment variables."""

from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF
from psycopg.conninfo import make_conninfo

from fashionrec import embedded
from fashionrec.env import BASE_DIR, read_environment

# Django's generic classes take type arguments in the stubs only; this lets code say ModelForm[Product].
django_stubs_ext.monkeypatch()

ENVIRONMENT = read_environment()
DATA_DIR: Path = ENVIRONMENT.data_dir

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = False
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.csrf_trusted_origins

INSTALLED_APPS = [
    "fashionrec.apps.FashionrecAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "fashionrec.common.apps.CommonConfig",
    "catalog.apps.CatalogConfig",
    "personas.apps.PersonasConfig",
    "feedback.apps.FeedbackConfig",
    "recommender.apps.RecommenderConfig",
    "fashionrec.apps.FashionrecConfig",
]

MIDDLEWARE = [
    "fashionrec.metrics.MetricsMiddleware",
    "fashionrec.common.api.middleware.SizedBodyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "fashionrec.urls"
WSGI_APPLICATION = "fashionrec.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "fashionrec.storefront.context.shop",
            ]
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        ENVIRONMENT.database_url or embedded.database_url(DATA_DIR), conn_max_age=60, conn_health_checks=True
    )
}
# A server that cannot be reached must not hold up a request, least of all /health/ready.
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
USES_EMBEDDED_DATABASE = not ENVIRONMENT.database_url
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "common.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# Files. `media` and `artifacts` are the only doors to storage; both may be a folder or an S3-like service.
MEDIA_URL = "/media/"
MEDIA_ROOT = DATA_DIR / "media"
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "fashionrec" / "static"]


def _storage(folder: str, url: str | None = None) -> dict[str, Any]:
    options = dict(ENVIRONMENT.storage_options)
    if ENVIRONMENT.storage_backend.endswith("FileSystemStorage"):
        options = {"location": str(DATA_DIR / folder), **({"base_url": url} if url else {})} | options
    else:
        options.setdefault("location", folder)
    return {"BACKEND": ENVIRONMENT.storage_backend, "OPTIONS": options}


STORAGES = {
    "default": _storage("media", MEDIA_URL),
    "media": _storage("media", MEDIA_URL),
    "artifacts": _storage("artifacts"),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
ARTIFACT_CACHE_DIR = DATA_DIR / "cache"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# Security. No inline script or style anywhere, from the first page.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "script-src": [SELF],
        "style-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = ENVIRONMENT.secure_cookies
CSRF_COOKIE_SECURE = ENVIRONMENT.secure_cookies

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["fashionrec.common.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["fashionrec.common.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["fashionrec.common.api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "fashionrec.common.api.pagination.PageNumberPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["fashionrec.common.api.throttling.OpenEndpointThrottle"],
    "DEFAULT_THROTTLE_RATES": {"open": "600/min"},
    # The address that connects counts: X-Forwarded-For is the caller's to invent.
    "NUM_PROXIES": ENVIRONMENT.proxies,
    "EXCEPTION_HANDLER": "fashionrec.common.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "fashionrec",
    "DESCRIPTION": "A fashion shop that learns: catalogue, recommendations, feedback, personas and models.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "ENUM_NAME_OVERRIDES": {
        "VectorKindEnum": "catalog.models.ProductEmbedding.Kind",
        "ModelKindEnum": "recommender.models.ModelKind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "fashionrec.api_docs.describe_errors",
    ],
}


def _libpq_keywords(database: Any) -> str:
    """A connection string out of Django's settings of a database."""
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    given = {keyword: str(database[name]) for keyword, name in names.items() if database.get(name)}
    options = database.get("OPTIONS", {}).items()
    given |= {name: str(value) for name, value in options if isinstance(value, (str, int))}
    return make_conninfo("", **given)


# The queue is a doorbell, rows are the truth: no results, no reliance on redelivery (docs/adr/0002).
CELERY_BROKER_URL = ENVIRONMENT.broker_url or "pgmq://"
# A request that rings waits a moment for a broker that is away, not the half minute and more of the defaults.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2,
}  # fmt: skip
if CELERY_BROKER_URL.startswith("pgmq"):
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "pool_timeout": 5,
        "init_extension": False,
        # Keywords, not the URL: the queue's client does not understand a socket in a URL.
        "conn_string": _libpq_keywords(DATABASES["default"]),
        "polling_interval": 0.05,
        "wait_time_seconds": 0,
        "use_notify": True,
    }
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    "catalog.tasks.embed_*": {"queue": "embed"},
    "catalog.tasks.work_embedding_run": {"queue": "embed"},
    "catalog.tasks.work_cluster_run": {"queue": "embed"},
    "catalog.tasks.work_suggestion_run": {"queue": "embed"},
    "personas.tasks.work_rating_run": {"queue": "rate"},
    "personas.tasks.probe_language_model": {"queue": "rate"},
    "personas.tasks.work_persona_run": {"queue": "rate"},
    "personas.tasks.work_lab_run": {"queue": "rate"},
    "recommender.tasks.work_training_run": {"queue": "train"},
    "recommender.tasks.work_retraining": {"queue": "train"},
    "recommender.tasks.work_study": {"queue": "train"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "resume-stalled": {
        "task": "fashionrec.common.tasks.resume_stalled",
        "schedule": ENVIRONMENT.resume_seconds,
        "options": {"expires": ENVIRONMENT.resume_seconds},
    },
    # A new product is to be recommended within a minute: embedded, then made known to the models in use.
    "embed-dirty": {"task": "catalog.tasks.embed_dirty", "schedule": 20.0, "options": {"expires": 20}},
    "place-new": {"task": "catalog.tasks.place_new_products", "schedule": 60.0, "options": {"expires": 60}},
    "place-in-models": {"task": "recommender.tasks.place_new_products", "schedule": 15.0, "options": {"expires": 15}},
    "retrain-when-due": {"task": "recommender.tasks.retrain_when_due", "schedule": 60.0, "options": {"expires": 60}},
}

FASHIONREC: dict[str, Any] = {
    "LEASE_SECONDS": ENVIRONMENT.lease_seconds,
    "RESUME_SECONDS": ENVIRONMENT.resume_seconds,
    "ENCODER": ENVIRONMENT.encoder,
    "IMAGE_HOSTS_ALLOWED": ENVIRONMENT.image_hosts_allowed,
    "RATER": ENVIRONMENT.rater,
    "RATER_OPTIONS": ENVIRONMENT.rater_options,
    "RATING_GATE": ENVIRONMENT.rating_gate,
    # What retraining trains and when (recommender.services.retraining); with neither HOUR nor EVERY_HOURS never.
    "RETRAIN": {
        "KINDS": ENVIRONMENT.retrain_kinds,
        "HOUR": ENVIRONMENT.retrain_hour,
        "EVERY_HOURS": ENVIRONMENT.retrain_every_hours,
        "PROMOTE": ENVIRONMENT.retrain_promote,
        "CONTINUE": ENVIRONMENT.retrain_continue,
    },
    # What one event of a type says about the shopper's liking, on -1..1.
    "REWARDS": {
        "view": 0.1,
        "click": 0.3,
        "dwell": 0.2,
        "like": 1.0,
        "basket_add": 0.8,
        "purchase": 1.0,
        "dislike": -1.0,
        "hide": -1.0,
        "basket_remove": -0.3,
    },
}

LOGGING_CONFIG = "fashionrec.logging.configure"
LOGGING = {"format": ENVIRONMENT.log_format}
