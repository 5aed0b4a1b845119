"""Environment variables: read once, and all mistakes reported together."""

import os
from pathlib import Path

import pytest
from environs import EnvValidationError

from fashionrec.env import BASE_DIR, read_environment


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch):
    """`variables(FASHIONREC_ENCODER="…")`: these and no other variables of the project are set."""

    def only(**values: str) -> None:
        for name in list(os.environ):
            if name.startswith("FASHIONREC_") or name in ("DATABASE_URL", "CELERY_BROKER_URL"):
                monkeypatch.delenv(name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return only


def test_every_mistake_is_reported_at_once_under_the_name_of_its_variable(variables):
    variables(
        FASHIONREC_LEASE_SECONDS="soon",
        FASHIONREC_RESUME_SECONDS="-1",
        FASHIONREC_SECURE_COOKIES="perhaps",
        FASHIONREC_STORAGE_OPTIONS="[1]",
        FASHIONREC_LOG_FORMAT="loud",
        FASHIONREC_IMAGE_HOSTS_ALLOWED="cdn.internal,https://cdn.internal/",
        FASHIONREC_RETRAIN_HOUR="24",
        FASHIONREC_RETRAIN_EVERY_HOURS="-1",
    )
    with pytest.raises(EnvValidationError) as caught:
        read_environment()
    assert set(caught.value.error_messages) == {
        "FASHIONREC_SECRET_KEY",
        "FASHIONREC_LEASE_SECONDS",
        "FASHIONREC_RESUME_SECONDS",
        "FASHIONREC_SECURE_COOKIES",
        "FASHIONREC_STORAGE_OPTIONS",
        "FASHIONREC_LOG_FORMAT",
        "FASHIONREC_IMAGE_HOSTS_ALLOWED",
        "FASHIONREC_RETRAIN_HOUR",
        "FASHIONREC_RETRAIN_EVERY_HOURS",
    }
    assert "[1]" in str(caught.value.error_messages["FASHIONREC_STORAGE_OPTIONS"])


@pytest.mark.parametrize("value", ["", None])
def test_a_secret_key_must_be_given(variables, value):
    variables(**({} if value is None else {"FASHIONREC_SECRET_KEY": value}))
    with pytest.raises(EnvValidationError) as caught:
        read_environment()
    assert set(caught.value.error_messages) == {"FASHIONREC_SECRET_KEY"}


def test_with_nothing_but_a_key_the_shop_is_one_machine_with_everything_embedded(variables):
    variables(FASHIONREC_SECRET_KEY="k")
    environment = read_environment()
    assert (environment.database_url, environment.broker_url) == ("", "")
    assert environment.data_dir == BASE_DIR / "var"
    assert environment.allowed_hosts == ["127.0.0.1", "localhost", "[::1]"]
    assert environment.secure_cookies is False
    assert (environment.lease_seconds, environment.resume_seconds) == (60.0, 15.0)
    assert environment.encoder == "compact"
    assert environment.rater == "personas.ml.language_models.transformers_model.TransformersModel"
    assert (environment.rater_options, environment.rating_gate) == ({"model": "compact"}, {})
    assert (environment.retrain_hour, environment.retrain_every_hours) == (None, 0.0)
    assert (environment.retrain_promote, environment.retrain_continue) == (False, False)


def test_what_is_set_is_what_is_read(variables, tmp_path):
    variables(
        FASHIONREC_SECRET_KEY="k",
        FASHIONREC_DATA_DIR=str(tmp_path / "a" / ".." / "b"),
        FASHIONREC_ALLOWED_HOSTS="shop.example,www.shop.example",
        FASHIONREC_CSRF_TRUSTED_ORIGINS="https://shop.example",
        FASHIONREC_SECURE_COOKIES="true",
        FASHIONREC_STORAGE_OPTIONS='{"bucket_name": "shop"}',
        FASHIONREC_LEASE_SECONDS="4",
        FASHIONREC_RETRAIN_KINDS="ease, two_tower",
        FASHIONREC_RETRAIN_HOUR="0",
        FASHIONREC_LOG_FORMAT="json",
        DATABASE_URL="postgresql://shop@db/shop",
        CELERY_BROKER_URL="redis://queue/0",
    )
    environment = read_environment()
    assert environment.data_dir == Path(tmp_path / "b")
    assert environment.allowed_hosts == ["shop.example", "www.shop.example"]
    assert environment.csrf_trusted_origins == ["https://shop.example"]
    assert environment.secure_cookies is True
    assert environment.storage_options == {"bucket_name": "shop"}
    assert (environment.lease_seconds, environment.log_format) == (4.0, "json")
    assert (environment.retrain_kinds, environment.retrain_hour) == (["ease", "two_tower"], 0)
    assert (environment.database_url, environment.broker_url) == ("postgresql://shop@db/shop", "redis://queue/0")
