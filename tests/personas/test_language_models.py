"""Rows that stand for raters: registering loads nothing, probing decides."""

import json

import pytest
from django.core.management import CommandError, call_command

from fashionrec.common.errors import Invalid
from personas.jobs import probe_model
from personas.models import LanguageModel
from personas.services.language_models import (
    default_language_model,
    find_language_model,
    load_adapter,
    register_language_model,
)
from tests.factories.personas import RatingRunFactory

pytestmark = pytest.mark.django_db
SIMULATED = "fashionrec.simulation.rater.SimulatedRater"


def test_the_shops_rater_is_the_small_model_unless_the_settings_say_otherwise(settings):
    model = default_language_model()
    assert (model.name, model.options, model.state) == ("compact", {"model": "compact"}, "unprobed")
    assert default_language_model() == model == find_language_model("compact")
    settings.FASHIONREC = {**settings.FASHIONREC, "RATER": SIMULATED, "RATER_OPTIONS": {"seed": 3}}
    other = find_language_model("SimulatedRater")
    assert (other.name, other.options) == ("SimulatedRater", {"seed": 3})
    with pytest.raises(Invalid, match="known: SimulatedRater, compact"):
        find_language_model("nobody")


def test_registering_imports_no_adapter():
    model = register_language_model(name="far", adapter="nowhere.at.all.Model", options={"anything": 1})
    assert (model.state, model.digest) == ("unprobed", "")
    with pytest.raises(Invalid, match="adapter: expected the dotted path of a class"):
        register_language_model(name="bad", adapter="no path")


def test_a_rater_keeps_its_options_once_it_has_rated():
    model = register_language_model(name="rater", adapter=SIMULATED)
    register_language_model(name="rater", adapter=SIMULATED, options={"seed": 3})
    model.refresh_from_db()
    assert model.options == {"seed": 3}
    RatingRunFactory(language_model=model)
    with pytest.raises(Invalid, match="was used with another adapter or options"):
        register_language_model(name="rater", adapter=SIMULATED, options={"seed": 4})
    priced = register_language_model(name="rater", adapter=SIMULATED, options={"seed": 3}, prompt_price=2.5)
    assert (priced.pk, float(priced.prompt_price)) == (model.pk, 2.5)


@pytest.mark.parametrize("option", ["api_key", "secret", "password", "token", "access_token", "Authorization"])
def test_secrets_are_refused_and_not_quoted(option):
    with pytest.raises(Invalid) as caught:
        register_language_model(name="m", adapter="some.Model", options={option: "sk-123456"})
    assert "api_key_env" in caught.value.message
    assert "sk-123456" not in caught.value.message
    assert not LanguageModel.objects.exists()


def test_options_that_name_a_variable_or_a_limit_are_no_secrets():
    options = {"api_key_env": "MY_KEY", "max_tokens": 5}
    assert register_language_model(name="m", adapter="some.Model", options=options).options == options


def test_probing_makes_a_model_ready_with_what_it_found():
    model = register_language_model(name="rater", adapter=SIMULATED, options={"seed": 3})
    probed = probe_model(model.pk)
    assert (probed.state, probed.scoring, probed.is_simulator) == ("ready", "simulated", True)
    assert probed.digest == load_adapter(model).digest
    assert probed.probe["usable"] is True
    assert probed.probed_at is not None
    changed = register_language_model(name="rater", adapter=SIMULATED, options={"seed": 4})
    assert (changed.state, changed.digest, changed.probe, changed.is_simulator) == ("unprobed", "", {}, False)


@pytest.mark.parametrize(
    ("adapter", "options", "reason"),
    [
        (SIMULATED, {"sead": 1}, "options.sead: unknown"),
        (SIMULATED, {"noise": -1}, "must not be negative"),
        ("nowhere.Rater", {}, "cannot be imported"),
        ("tests.raters.RefusedRater", {}, "begin with the same token"),
    ],
)
def test_probing_refuses_with_the_reason(adapter, options, reason):
    model = register_language_model(name="m", adapter=adapter, options=options)
    probed = probe_model(model.pk)
    assert probed.state == "refused"
    assert reason in probed.probe["reason"]


def test_probing_a_model_that_is_gone_does_nothing():
    assert probe_model(12345) is None


def test_the_command_registers_probes_and_says_what_it_found(capsys):
    call_command("language_model", "rater", adapter=SIMULATED, options='{"seed": 5}')
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["name"], answer["state"], answer["scoring"]) == ("rater", "ready", "simulated")
    with pytest.raises(CommandError, match="--options: expected JSON"):
        call_command("language_model", "other", adapter=SIMULATED, options="{")
    with pytest.raises(CommandError, match="refused: options: .*must not be negative"):
        call_command("language_model", "other", adapter=SIMULATED, options='{"noise": -1}')
