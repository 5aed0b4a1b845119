"""Every environment variable fashionrec reads, read once and checked together.

A missing or malformed variable does not stop at the first mistake: `read_environment` raises one
`environs.EnvValidationError` that lists them all.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from environs import Env, validate

BASE_DIR = Path(__file__).resolve().parent.parent
NOT_EMPTY = validate.Length(min=1)
HOST = re.compile(r"([a-z0-9_]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
HOUR = validate.Range(min=0, max=23)
POSITIVE = validate.Range(min=0, min_inclusive=False)


@dataclass(frozen=True)
class Environment:
    data_dir: Path
    """Everything the product writes: database, media, artifacts, reports (FASHIONREC_DATA_DIR)."""
    database_url: str
    """DATABASE_URL; empty means the embedded Postgres under data_dir."""
    broker_url: str
    """CELERY_BROKER_URL; empty means the queue inside the same Postgres."""
    secret_key: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    proxies: int
    """Reverse proxies in front whose X-Forwarded-For is believed; throttling needs the caller's own address."""
    secure_cookies: bool
    """Send cookies over HTTPS only; off for a shop served on loopback."""
    storage_backend: str
    """Dotted path of the storage class behind the `media` and `artifacts` aliases."""
    storage_options: dict[str, Any]
    encoder: str
    """Name of the encoder whose vectors are live: `compact` or `open_clip:MODEL:PRETRAINED`."""
    image_hosts_allowed: list[str]
    """host or host:port that pictures may be fetched from wherever it is, also in a private network."""
    rater: str
    """Dotted path of the language-model adapter that rates products by default."""
    rater_options: dict[str, Any]
    """Arguments of that adapter, such as {"model": "mistralai/Mistral-7B-v0.3"}."""
    rating_gate: dict[str, Any]
    """Thresholds of the publishing gate that differ from the defaults of personas.ml.quality.GateThresholds."""
    lease_seconds: float
    """How long a silent worker keeps its claim on work."""
    resume_seconds: float
    """How often beat rings for work that nobody holds."""
    retrain_kinds: list[str]
    """Kinds of models that a retraining trains, besides popularity."""
    retrain_hour: int | None
    """Hour of the day, UTC, at which the shop retrains; None: at none."""
    retrain_every_hours: float
    """Hours between retrainings; 0: none by interval."""
    retrain_promote: bool
    """Whether a retrained model that is better than the champion beyond doubt takes its place by itself."""
    retrain_continue: bool
    """Whether retraining begins with the champion's weights where a kind can."""
    log_format: str


def read_environment() -> Environment:
    """Read all variables. Raises EnvValidationError naming every one that is missing or malformed."""
    env = Env(eager=False)
    with env.prefixed("FASHIONREC_"):
        data_dir = env.path("DATA_DIR", BASE_DIR / "var")
        secret_key = env.str("SECRET_KEY", validate=NOT_EMPTY)
        allowed_hosts = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
        csrf_trusted_origins: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
        proxies = env.int("PROXIES", 0)
        secure_cookies = env.bool("SECURE_COOKIES", False)
        storage_backend = env.str("STORAGE_BACKEND", "django.core.files.storage.FileSystemStorage")
        storage_options = env.json("STORAGE_OPTIONS", {}, validate=_is_object)
        encoder = env.str("ENCODER", "compact")
        image_hosts_allowed: list[str] = env.list("IMAGE_HOSTS_ALLOWED", [], validate=_are_hosts)
        rater = env.str("RATER", "personas.ml.language_models.transformers_model.TransformersModel")
        rater_options = env.json("RATER_OPTIONS", {"model": "compact"}, validate=_is_object)
        rating_gate = env.json("RATING_GATE", {}, validate=_is_object)
        lease_seconds = env.float("LEASE_SECONDS", 60.0, validate=POSITIVE)
        resume_seconds = env.float("RESUME_SECONDS", 15.0, validate=POSITIVE)
        retrain_kinds: list[str] = env.list(
            "RETRAIN_KINDS",
            ["transition_knn", "item_knn", "content_knn", "ease", "softmax_mf", "two_tower", "graphsage", "blend"],
        )
        retrain_hour = env.int("RETRAIN_HOUR", None, validate=HOUR)
        retrain_every_hours = env.float("RETRAIN_EVERY_HOURS", 0.0, validate=validate.Range(min=0))
        retrain_promote = env.bool("RETRAIN_PROMOTE", False)
        retrain_continue = env.bool("RETRAIN_CONTINUE", False)
        log_format = env.str("LOG_FORMAT", "console", validate=validate.OneOf(["console", "json", "quiet"]))
    database_url = env.str("DATABASE_URL", "")
    broker_url = env.str("CELERY_BROKER_URL", "")
    env.seal()
    return Environment(
        data_dir=Path(data_dir).resolve(),
        database_url=database_url,
        broker_url=broker_url,
        secret_key=secret_key,
        allowed_hosts=allowed_hosts,
        csrf_trusted_origins=csrf_trusted_origins,
        proxies=proxies,
        secure_cookies=secure_cookies,
        storage_backend=storage_backend,
        storage_options=cast(dict[str, Any], storage_options),
        encoder=encoder,
        image_hosts_allowed=image_hosts_allowed,
        rater=rater,
        rater_options=cast(dict[str, Any], rater_options),
        rating_gate=cast(dict[str, Any], rating_gate),
        lease_seconds=lease_seconds,
        resume_seconds=resume_seconds,
        retrain_kinds=[kind.strip() for kind in retrain_kinds],
        retrain_hour=retrain_hour,
        retrain_every_hours=retrain_every_hours,
        retrain_promote=retrain_promote,
        retrain_continue=retrain_continue,
        log_format=log_format,
    )


def _are_hosts(values: Any) -> None:
    wrong = [value for value in values if not HOST.fullmatch(value.strip().lower())]
    if wrong:
        raise validate.ValidationError(f"expected host or host:port, received {wrong[0]!r}")


def _is_object(value: Any) -> None:
    if not isinstance(value, dict):
        raise validate.ValidationError(f"expected a JSON object, received {value!r}")
