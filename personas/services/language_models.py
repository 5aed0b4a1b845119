"""The rows that stand for raters, and the adapters behind them.

Registering loads nothing: an adapter may be gigabytes of weights or a server that is away, and the web process that
registers never loads torch. A worker probes a model before it is asked anything that counts.
"""

import inspect
import re
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue
from personas.ml.language_model import LanguageModel as Adapter
from personas.models import LanguageModel

ADAPTERS = {
    "transformers": "personas.ml.language_models.transformers_model.TransformersModel",
    "openai": "personas.ml.language_models.openai_compatible.OpenAICompatibleModel",
    "system_one": "personas.ml.language_models.system_one.SystemOneModel",
    "sampling": "personas.ml.language_models.sampling.SamplingModel",
}
"""Short names of the adapters that come with the shop; any other class is named by its dotted path."""

SECRET_OPTION = re.compile(r"secret|password|token$|api_?key$|authorization", re.IGNORECASE)

OWN_SECRETS = ("DATABASE_URL", "CELERY_BROKER_URL")
"""Variables besides FASHIONREC_… that hold the shop's secrets: no server is sent them as its key."""

HIGHEST_PRICE = 999_999


def load_adapter(model: LanguageModel) -> Adapter:
    """The adapter of a row, with the row's options. Raises Invalid naming the path or option that does not fit."""
    try:
        adapter_class = import_string(model.adapter)
    except ImportError as error:
        raise Invalid.for_field("adapter", model.adapter, f"cannot be imported: {error}") from error
    known = inspect.signature(adapter_class).parameters
    for name in model.options:
        if name not in known:
            raise Invalid.for_field(f"options.{name}", model.options[name], f"unknown; expected {', '.join(known)}")
    try:
        return cast(Adapter, adapter_class(**model.options))
    except (TypeError, ValueError, OSError) as error:
        # The adapter names what it received; all the options here could repeat a password in an address.
        raise Invalid(f"options: {error}") from error


def find_language_model(name: str) -> LanguageModel:
    """The row of that name. Raises Invalid naming the known ones."""
    model = LanguageModel.objects.filter(name=name).first()
    if model is None and name == default_name():
        return default_language_model()
    if model is None:
        known = ", ".join(LanguageModel.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise Invalid.for_field("language_model", name, f"unknown language model; known: {known}")
    return model


def default_language_model() -> LanguageModel:
    """The shop's rater: the row made last for the adapter and options of the settings, else a new one."""
    adapter, options = str(settings.FASHIONREC["RATER"]), dict(settings.FASHIONREC["RATER_OPTIONS"])
    known = LanguageModel.objects.filter(adapter=adapter, options=options).order_by("-created_at", "-pk").first()
    if known:
        return known
    return register_language_model(name=default_name(), adapter=adapter, options=options)


def default_name() -> str:
    """What the row of the shop's rater is called when the shop makes it."""
    adapter, options = str(settings.FASHIONREC["RATER"]), settings.FASHIONREC["RATER_OPTIONS"]
    return str(options.get("model") or adapter.rpartition(".")[2])


@transaction.atomic
def register_language_model(
    *,
    name: str,
    adapter: str | None = None,
    options: dict[str, Any] | None = None,
    prompt_price: Decimal | float | None = None,
    completion_price: Decimal | float | None = None,
) -> LanguageModel:
    """The row for a rater, to be probed before it is asked. `adapter` defaults to settings.FASHIONREC["RATER"].

    Prices are for a million tokens; None leaves what the row has, at first 0. The same name with another adapter or
    other options is refused with Invalid once it was used: the record of what it said must stay true. So is a secret
    among the options or in the server's address, and a price that is none.
    """
    take_lock(Lock.RATING_PLAN)
    adapter, options = adapter or str(settings.FASHIONREC["RATER"]), dict(options or {})
    if not re.fullmatch(r"\w+(\.\w+)+", adapter):
        raise Invalid.for_field("adapter", adapter, "expected the dotted path of a class")
    for option in options:
        if SECRET_OPTION.search(option):
            reason = "secrets are not stored; put it in an environment variable and name that in api_key_env"
            raise Invalid(f"options.{option}: {reason}")
    _check_address(options)
    for field, price in (("prompt_price", prompt_price), ("completion_price", completion_price)):
        if price is not None and not 0 <= price <= HIGHEST_PRICE:  # not a number is neither
            raise Invalid.for_field(field, str(price), f"expected 0 to {HIGHEST_PRICE}")
    model = LanguageModel.objects.filter(name=name).first() or LanguageModel(name=name)
    same = (model.adapter, model.options) == (adapter, options)
    used = model.pk and (model.runs.exists() or model.persona_runs.exists() or model.labchunk_set.exists())
    if used and not same:
        raise Invalid.for_field("name", name, "was used with another adapter or options; choose another name")
    if not same:
        model.state, model.probe, model.digest, model.probed_at = LanguageModel.State.UNPROBED, {}, "", None
        model.is_simulator = model.is_demonstration = False
    model.adapter, model.options = adapter, options
    if prompt_price is not None:
        model.prompt_price = Decimal(str(prompt_price))
    if completion_price is not None:
        model.completion_price = Decimal(str(completion_price))
    model.save()
    return model


def _check_address(options: dict[str, Any]) -> None:
    """Raises Invalid for a secret in a server's address, and for a key that would send the shop's own secrets there."""
    try:
        address = urlsplit(str(options.get("base_url", "")))
    except ValueError:
        raise Invalid("options.base_url: is no address") from None
    if "@" in address.netloc or address.query:
        reason = "must hold no user, password or query; name an environment variable in api_key_env instead"
        raise Invalid(f"options.base_url: {reason}")
    variable = str(options.get("api_key_env", ""))
    if variable.upper().startswith("FASHIONREC_") or variable.upper() in OWN_SECRETS:
        raise Invalid.for_field("options.api_key_env", variable, "is the shop's own; name one that holds only the key")


def ask_to_probe(*, model: LanguageModel) -> None:
    """Let a worker probe a model, again or for the first time."""
    enqueue("personas.tasks.probe_language_model", model.pk)


def record_probe(*, model: LanguageModel, adapter: Adapter | None, probe: dict[str, Any]) -> LanguageModel:
    """Store what probing found; `probe["usable"]` decides between ready and refused.

    A server that was away says nothing about the model: its state stays. So does a row that was given another adapter
    or other options while the old ones were probed. Returns the row as it is now.
    """
    found: dict[str, Any] = {"probe": probe, "probed_at": timezone.now()}
    if not probe.get("unavailable"):
        found["state"] = LanguageModel.State.READY if probe["usable"] else LanguageModel.State.REFUSED
    if adapter is not None and probe["usable"]:
        scoring = str(probe.get("scoring") or adapter.scoring)
        found |= {
            "digest": adapter.digest,
            "scoring": scoring,
            "is_simulator": scoring == "simulated",
            "is_demonstration": adapter.demonstration,
        }
    LanguageModel.objects.filter(pk=model.pk, adapter=model.adapter, options=model.options).update(**found)
    model.refresh_from_db()
    return model


def check_usable(model: LanguageModel) -> None:
    """Raises Conflict with the reason when probing refused the model."""
    if model.state == LanguageModel.State.REFUSED:
        raise Conflict.for_field("language_model", model.name, f"was refused: {model.probe.get('reason', 'see probe')}")
