"""The prompt lab's pages: planning, the table with its plot, and choosing between two answers."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from fashionrec.common.models import User
from fashionrec.common.queue import without_ringing
from personas.lab_jobs import work_lab_run
from personas.models import LabOutput, LabRun, PreferencePair
from personas.services.lab import plan_lab_run
from personas.services.language_models import register_language_model
from personas.services.preferences import record_preference
from personas.services.templates import template_named
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory

pytestmark = pytest.mark.django_db


def lab(*, templates=("strict numeric",), temperature=(0.5, 1.0), dialects=("number",)) -> LabRun:
    models = [
        register_language_model(
            name=dialect, adapter="tests.lab_models.WritingModel", options={"name": dialect, "dialect": dialect}
        )
        for dialect in dialects
    ]
    with without_ringing():
        run = plan_lab_run(
            language_models=models,
            templates=[template_named(name) for name in templates],
            personas=[PersonaFactory(name="Clara Dunmore"), PersonaFactory(name="Max Orr")],
            products=ProductFactory.create_batch(2, pictures=0),
            grid={"temperature": list(temperature)},
        )
    work_lab_run(str(run.pk))
    run.refresh_from_db()
    return run


def compare_url(run: LabRun) -> str:
    return reverse("admin:personas_labrun_compare", args=[run.pk])


def hidden(page: str) -> dict[str, str]:
    fields = dict(re.findall(r'<input type="hidden" name="(left|right|next)" value="([^"]*)"', page))
    return {name: value.replace("&amp;", "&") for name, value in fields.items()}


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("Tess", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def set_texts(run: LabRun, *texts: str) -> None:
    """Every answer of arm n of the run is texts[n]."""
    for chunk, text in zip(run.chunks.order_by("index"), texts, strict=True):
        LabOutput.objects.filter(chunk=chunk).update(text=text)


def test_a_lab_is_planned_from_its_start_page(admin_client: Client) -> None:
    model = register_language_model(name="writer", adapter="tests.lab_models.WritingModel", options={})
    PersonaFactory.create_batch(3)
    ProductFactory.create_batch(4, pictures=0)
    url = reverse("admin:personas_labrun_start")
    page = admin_client.get(url).content.decode()
    for name in ("open-ended", "strict numeric", "described scale", "with -1 examples", "letter scale", "all personas"):
        assert name in page
    sent = {
        "language_models": [model.pk], "templates": [template_named("strict numeric").pk], "personas": 2, "products": 3,
        "temperature": "0, 0.7,1", "top_p": "1", "top_k": "0, 20", "repetition_penalty": "1", "bio": ["none", "full"],
        "seed": 4,
    }  # fmt: skip
    answer = admin_client.post(url, sent)
    run = LabRun.objects.get()
    assert answer.url == reverse("admin:personas_labrun_change", args=[run.pk])
    assert (run.plan["arms"], run.plan["cells"], run.plan["calls"], run.seed) == (10, 6, 60, 4)
    refused = admin_client.post(url, {**sent, "temperature": "0.5, warm"}).content.decode()
    assert "&#x27;warm&#x27; is not a number" in refused
    refused = admin_client.post(url, {**sent, "temperature": "9"}).content.decode()
    assert "temperature: expected a number from 0 to 5 (received 9.0)" in refused
    assert LabRun.objects.count() == 1


def test_the_page_of_a_run_shows_the_table_and_a_histogram_of_each_arm_without_inline_style(
    admin_client: Client,
) -> None:
    run = lab(templates=("strict numeric", "letters"), dialects=("number", "prose"))
    response = admin_client.get(reverse("admin:personas_labrun_change", args=[run.pk]))
    page = response.content.decode()
    rated = [arm for arm in run.report["arms"] if arm["entropy"] is not None]
    assert page.count('role="img"') == len(rated) == 6
    assert page.count("<rect ") == 11 * len(rated)
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', page)]
    assert max(heights) == 44.0
    labels = re.findall(r'font-size="7"[^>]*>([^<]+)</text>', page)
    assert labels[:11] == ["−1", *(str(point) for point in range(1, 11))]  # not as the database sorts keys
    assert "with letters" in page
    assert f'<td class="number">{rated[0]["mean"]:.2f}</td>' in page
    assert "The models compared on the same cells" in page
    assert " style=" not in page.split("<fieldset", 1)[1].split("submit-row")[0]
    assert admin_client.get(reverse("admin:personas_labrun_changelist")).status_code == 200


def test_a_lab_that_was_closed_without_a_report_still_shows_what_was_answered(admin_client: Client) -> None:
    run = lab()
    LabRun.objects.filter(pk=run.pk).update(state="cancelled", report={})
    page = admin_client.get(reverse("admin:personas_labrun_change", args=[run.pk])).content.decode()
    assert page.count('role="img"') == len([arm for arm in run.report["arms"] if arm["entropy"] is not None]) > 0


def test_a_choice_is_stored_once_with_the_prompt_and_the_next_pair_follows(admin_client: Client) -> None:
    run = lab()
    set_texts(run, "7", "3")
    page = admin_client.get(compare_url(run)).content.decode()
    fields = hidden(page)
    left = LabOutput.objects.get(pk=fields["left"])
    right = LabOutput.objects.get(pk=fields["right"])
    assert (left.persona, left.product) == (right.persona, right.product)
    assert "The first is better (1)" in page
    assert "0 choices stored from this run, 0 from all labs" in page
    answer = admin_client.post(compare_url(run), {**fields, "choice": "right"})
    pair = PreferencePair.objects.get()
    assert (pair.prompt, pair.preferred, pair.rejected) == (left.prompt, right.text, left.text)
    assert (pair.provenance, pair.persona, pair.chosen_by) == ("lab", left.persona, "admin")
    following = admin_client.get(answer.url).content.decode()
    assert "1 choice stored from this run, 1 from all labs" in following
    assert hidden(following)["left"] not in (fields["left"], fields["right"])
    # The same pair again, even the other way round, changes nothing.
    admin_client.post(compare_url(run), {**fields, "choice": "left"})
    assert PreferencePair.objects.get().preferred == right.text


def test_all_pairs_are_offered_one_after_the_other_until_none_is_left(admin_client: Client) -> None:
    run = lab(temperature=(0.3, 0.6, 1.0))
    set_texts(run, "7", "3", "3")
    url, offered = compare_url(run), []
    for step in range(20):
        page = admin_client.get(url).content.decode()
        if "No two answers are left" in page:
            break
        fields = hidden(page)
        offered.append(frozenset((fields["left"], fields["right"])))
        url = admin_client.post(compare_url(run), {**fields, "choice": "left" if step % 2 else "skip"}).url
    # Of three arms two said the same, which leaves two pairs a cell.
    assert len(offered) == len(set(offered)) == 2 * 4
    assert PreferencePair.objects.count() == 4
    # Skipped ones come back from the start, judged ones do not.
    again = hidden(admin_client.get(compare_url(run)).content.decode())
    assert frozenset((again["left"], again["right"])) == offered[0]


def test_arms_with_different_prompts_are_looked_at_but_not_stored(admin_client: Client) -> None:
    run = lab(templates=("strict numeric", "described scale"), temperature=(1.0,))
    set_texts(run, "7", "3")
    assert "No two answers are left" in admin_client.get(compare_url(run)).content.decode()
    page = admin_client.get(compare_url(run), {"first": 0, "second": 1}).content.decode()
    assert "For looking only" in page
    assert "The first is better" not in page
    assert page.count("<summary>Prompt</summary>") == 2
    assert "1: number, described scale, T 1, bio full" in page
    answer = admin_client.post(compare_url(run), {**hidden(page), "choice": "left"}, follow=True)
    assert "different answers to the same prompt" in answer.content.decode()
    assert not PreferencePair.objects.exists()


def test_answers_of_other_runs_and_other_cells_make_no_pair(admin_client: Client) -> None:
    run, other = lab(), lab(dialects=("letter",))
    set_texts(run, "7", "3")
    mine = LabOutput.objects.filter(chunk__run=run).order_by("pk")
    foreign = LabOutput.objects.filter(chunk__run=other).first()
    elsewhere = mine.exclude(persona=mine[0].persona).first()
    for right in (foreign.pk, elsewhere.pk, mine[0].pk, 10**12):
        admin_client.post(compare_url(run), {"choice": "left", "left": mine[0].pk, "right": right})
    admin_client.post(compare_url(run), {"choice": "neither", "left": mine[0].pk, "right": "x"})
    assert not PreferencePair.objects.exists()


def test_only_those_who_may_add_pairs_choose_and_only_those_who_may_change_runs_start() -> None:
    run = lab()
    set_texts(run, "7", "3")
    viewer = staff("view_labrun")
    page = viewer.get(compare_url(run)).content.decode()
    assert "Choosing needs the right to add preference pairs" in page
    assert viewer.post(compare_url(run), {**hidden(page), "choice": "left"}).status_code == 403
    assert viewer.get(reverse("admin:personas_labrun_start")).status_code == 403
    assert viewer.post(reverse("admin:personas_labrun_start"), {}).status_code == 403
    User.objects.all().delete()
    assert staff().get(compare_url(run)).status_code == 403
    assert not PreferencePair.objects.exists()
    assert LabRun.objects.count() == 1


def test_the_list_of_pairs_is_filtered_by_who_says_so(admin_client: Client) -> None:
    for provenance in ("lab", "clicks"):
        record_preference(prompt="p", preferred=f"{provenance} good", rejected="bad", provenance=provenance)
    url = reverse("admin:personas_preferencepair_changelist")
    page = admin_client.get(url, {"provenance": "clicks"}).content.decode()
    assert "clicks good" in page
    assert "lab good" not in page
