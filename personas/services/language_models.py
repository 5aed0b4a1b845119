"""The rows that stand for raters, and the adapters behind them."""

import inspect
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from fashionrec.common.errors import Invalid
from fashionrec.common.locks import Lock, take_lock
from personas.ml.language_model import LanguageModel as Adapter
from personas.models import LanguageModel


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
    except (TypeError, ValueError) as error:
        raise Invalid.for_field("options", model.options, str(error)) from error


def default_language_model() -> LanguageModel:
    """The shop's rater: the row made last for the adapter of the settings, else a new one named after its class."""
    adapter = str(settings.FASHIONREC["RATER"])
    known = LanguageModel.objects.filter(adapter=adapter).order_by("-created_at", "-pk").first()
    return known or register_language_model(name=adapter.rpartition(".")[2])


@transaction.atomic
def register_language_model(
    *, name: str, adapter: str | None = None, options: dict[str, Any] | None = None
) -> LanguageModel:
    """The row for a rater, with the digest of what answers. `adapter` defaults to settings.FASHIONREC["RATER"].

    The same name with other options is refused with Invalid once ratings were made: their record must stay true.
    """
    take_lock(Lock.RATING_PLAN)
    adapter = adapter or str(settings.FASHIONREC["RATER"])
    model = LanguageModel.objects.filter(name=name).first() or LanguageModel(name=name)
    if model.pk and (model.adapter, model.options) == (adapter, options or {}):
        return model
    if model.pk and model.runs.exists():
        raise Invalid.for_field("name", name, "has rated with other options; choose another name")
    model.adapter, model.options = adapter, options or {}
    loaded = load_adapter(model)
    model.digest = loaded.digest
    model.is_simulator = loaded.name == "simulated"
    model.save()
    return model
