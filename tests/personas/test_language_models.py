"""Rows that stand for raters: registering loads nothing, probing decides."""

import json

import pytest
from django.core.management import CommandError, call_command

from fashionrec.common.errors import Invalid
from personas.jobs import probe_model, ready_adapter
from personas.ml.language_model import ModelUnavailable, ModelUnusable
from personas.ml.probe import probe_language_model
from personas.models import LabChunk, LabRun, LanguageModel
from personas.prompts import default_template
from personas.services.language_models import (
    ADAPTERS,
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
    again = register_language_model(name="rater", adapter=SIMULATED, options={"seed": 3})
    assert float(again.prompt_price) == 2.5


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "https://me:sk-123456@host/v1"}, "options.base_url: must hold no user"),
        ({"base_url": "https://host/v1?key=sk-123456"}, "options.base_url: must hold no user"),
        (
            {"base_url": "http://host/v1", "api_key_env": "FASHIONREC_SECRET_KEY"},
            "options.api_key_env: is the shop's own",
        ),
        ({"base_url": "http://host/v1", "api_key_env": "DATABASE_URL"}, "options.api_key_env: is the shop's own"),
    ],
)
def test_an_address_holds_no_secret_and_no_server_is_sent_the_shops_own(options, message):
    with pytest.raises(Invalid) as caught:
        register_language_model(name="m", adapter="some.Model", options=options)
    assert caught.value.message.startswith(message)
    assert "sk-123456" not in caught.value.message
    assert not LanguageModel.objects.exists()


@pytest.mark.parametrize("price", [-1, float("nan"), 1e12])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(Invalid, match="completion_price: expected 0 to 999999"):
        register_language_model(name="m", adapter="some.Model", completion_price=price)


def test_a_model_that_answered_in_the_prompt_lab_keeps_its_options_too():
    model = register_language_model(name="m", adapter=SIMULATED)
    run = LabRun.objects.create(total=1)
    LabChunk.objects.create(run=run, index=0, size=1, language_model=model, template=default_template(), arm={})
    with pytest.raises(Invalid, match="was used with another adapter or options"):
        register_language_model(name="m", adapter=SIMULATED, options={"seed": 4})


def test_a_server_that_is_away_leaves_the_model_in_its_state(monkeypatch):
    model = register_language_model(name="rater", adapter=SIMULATED)
    digest = probe_model(model.pk).digest
    away = register_language_model(name="new", adapter=SIMULATED)

    def score_labels(*_):
        raise ModelUnavailable("answered 503, in 6 attempts")

    monkeypatch.setattr("fashionrec.simulation.rater.SimulatedRater.score_labels", score_labels)
    probed = probe_model(model.pk)
    assert (probed.state, probed.digest, probed.probe["reason"]) == ("ready", digest, "answered 503, in 6 attempts")
    assert probe_model(away.pk).state == "unprobed"
    with pytest.raises(ModelUnusable, match="new could not be probed: answered 503"):
        ready_adapter(away)


def test_what_a_probe_found_is_not_stored_for_other_options_given_meanwhile(monkeypatch):
    model = register_language_model(name="rater", adapter=SIMULATED)

    def changed_meanwhile(*args, **options):
        register_language_model(name="rater", adapter=SIMULATED, options={"seed": 9}, prompt_price=3)
        return probe_language_model(*args, **options)

    monkeypatch.setattr("personas.jobs.probe_language_model", changed_meanwhile)
    probed = probe_model(model.pk)
    assert (probed.state, probed.options, probed.prompt_price) == ("unprobed", {"seed": 9}, 3)


def test_a_password_in_the_address_of_an_older_row_is_not_repeated():
    options = {"base_url": "http://user:hidden-word@127.0.0.1:9/v1", "model": "m"}
    model = LanguageModel.objects.create(name="m", adapter=ADAPTERS["openai"], options=options)
    found = probe_model(model.pk)
    assert found.state == "refused"
    assert "must hold no user, password or query" in found.probe["reason"]
    assert "hidden-word" not in str(found.probe)


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
