"""Reports in admin: every protocol as a table and as pictures, figures as JSON; and a page to start a study."""

import json
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from fashionrec.common.models import User
from fashionrec.common.queue import without_ringing
from recommender.models import EvaluationReport, Study, StudyCell
from recommender.report_admin import protocol_pages
from recommender.report_charts import BOTTOM, LABEL_HEIGHT, LEFT, MOST_LINES, RIGHT, TOP, history_chart, scatters
from recommender.report_rows import report_rows

pytestmark = pytest.mark.django_db


def figures(ndcg: float, *, seeds: int = 1, coverage: float | None = 0.5, novelty: float = 8.0) -> dict[str, Any]:
    gain = {"mean": ndcg - 0.1, "low": ndcg - 0.12, "high": ndcg - 0.08}
    return {
        "seeds": seeds,
        "users": 40,
        "recall@10": 2 * ndcg,
        "ndcg@10": ndcg,
        "ndcg@10_standard_error": 0.01,
        "mrr": ndcg / 2,
        "coverage@10": coverage,
        "gini@10": 0.6,
        "diversity@10": None,
        "category_diversity@10": 0.25,
        "novelty@10": novelty,
        "popularity_lift@10": 1.5,
        "ndcg@10_by_history": [
            {"from": 1, "to": 2, "users": 30, "ndcg@10": ndcg, "standard_error": 0.01},
            {"from": 20, "to": None, "users": 10, "ndcg@10": ndcg + 0.1, "standard_error": 0.01},
        ],
    } | ({"ndcg@10_deviation_over_seeds": 0.003} if seeds > 1 else {}) | (
        {"ndcg@10_minus_popularity": gain, "ndcg@10_minus_best_baseline": gain} if ndcg != 0.1 else {}
    )  # fmt: skip


def part(name: str, **models: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": f"{name}: in words",
        "products": 90,
        "events": {"train": 700, "validation": 50, "test": 60},
        "users": 40,
        "best_baseline": "popularity",
        "models": models,
    }


@pytest.fixture
def report() -> EvaluationReport:
    measured = {"popularity": figures(0.1), "two_tower": figures(0.2, seeds=5, coverage=0.9), "oracle": figures(0.4)}
    protocols = {"cold_items": part("cold items", **measured), "leave_one_out": part("leave-one-out", **measured)}
    left_out = [{"protocol": "cold_users_1", "kind": "gf_cf", "seed": 0, "reason": "too <few> events"}]
    results = {"protocol": "held out", "users": 40, "models": measured, "protocols": protocols, "left_out": left_out}
    return EvaluationReport.objects.create(results=results)


def test_every_protocol_has_its_table_its_lists_and_its_pictures(
    admin_client: Client, report: EvaluationReport
) -> None:
    response = admin_client.get(reverse("admin:recommender_evaluationreport_change", args=[report.pk]))
    page = response.content.decode()
    assert [part.name for part in response.context["pages"]] == ["leave_one_out", "cold_items"]
    assert page.index("<h2>Leave-one-out</h2>") < page.index("<h2>Cold items</h2>")
    assert page.count('<figure class="chart">') == 6
    assert (
        page.count('+0.1000<br><span class="quiet">[+0.0800, +0.1200]</span>') == 4
    )  # beside popularity and the best baseline, twice
    assert "40 shoppers with 60 products held out, 700 events to learn from, 90 products ranked" in page
    assert "GF-CF, cold shoppers 1, seed 0: too &lt;few&gt; events" in page
    assert "style=" not in page.split("<main", 1)[-1].split("</main>")[0]  # the content security policy forbids it
    assert ">–</td>" in page  # a figure that could not be said


def test_the_list_names_what_was_held_out_and_the_best_model(admin_client: Client, report: EvaluationReport) -> None:
    page = admin_client.get(reverse("admin:recommender_evaluationreport_changelist")).content.decode()
    assert "leave one out, cold items" in page
    assert "Two-tower (0.2000)" in page


def test_a_report_is_downloaded_as_json_by_those_who_may_see_it(
    admin_client: Client, client: Client, report: EvaluationReport
) -> None:
    url = reverse("admin:recommender_evaluationreport_json", args=[report.pk])
    assert (
        url in admin_client.get(reverse("admin:recommender_evaluationreport_change", args=[report.pk])).content.decode()
    )
    response = admin_client.get(url)
    assert json.loads(response.content) == report.results
    assert response["Content-Disposition"] == f'attachment; filename="evaluation-{report.pk}.json"'
    assert admin_client.get(reverse("admin:recommender_evaluationreport_json", args=[report.pk + 1])).status_code == 404
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(url).status_code == 404


def test_a_report_of_old_without_protocols_is_one_page() -> None:
    results = {"protocol": "full ranking", "users": 7, "models": {"popularity": {"ndcg@10": 0.1, "recall@10": 0.2}}}
    (page,) = protocol_pages(results)
    assert (page.told, page.has_lists, page.has_seeds, page.scatters, page.history) == (
        "full ranking; 7 shoppers", False, False, [], None,
    )  # fmt: skip
    assert protocol_pages({}) == []


def test_rows_carry_the_spread_over_seeds_and_what_lists_are_like() -> None:
    oracle, tower, popularity = report_rows(
        {"models": {"popularity": figures(0.1), "two_tower": figures(0.2, seeds=5), "oracle": figures(0.15)}}
    )
    assert (oracle.kind, tower.seeds, tower.deviation, tower.mrr) == ("oracle", 5, 0.003, 0.1)
    assert popularity.lists == [0.5, 0.6, None, 0.25, 8.0, 1.5]
    assert (popularity.gain_over_best, popularity.deviation) == (None, None)


def test_a_scatter_places_models_by_their_figures_and_names_do_not_stand_on_each_other() -> None:
    crowd = {f"kind_{number}": figures(0.2 + number / 2000, coverage=0.5) for number in range(6)}
    coverage, novelty = scatters({"popularity": figures(0.1, coverage=0.0), **crowd})
    assert (coverage.title, novelty.title) == ("Share of the catalogue shown", "Novelty of what is shown, bits")
    places = {dot.label: (dot.x, dot.y) for dot in coverage.dots}
    # 0.1 of an axis to 0.25, 0.5 of one to 0.5.
    assert places["Popularity"] == (LEFT, round(BOTTOM - 0.4 * (BOTTOM - TOP), 1))
    assert places["Kind_0"][0] == places["Kind_5"][0] == RIGHT
    assert places["Kind_5"][1] < places["Kind_0"][1] < places["Popularity"][1]
    named = [dot for dot in coverage.dots if dot.label.startswith("Kind")]
    assert len({(dot.anchor, dot.label_y) for dot in named}) == len(named) == 6
    assert all(dot.label_x < RIGHT for dot in named)  # at the right edge names stand before their dots
    assert [dot.is_far for dot in named].count(False) >= 1
    assert [tick.text for tick in coverage.x_ticks] == ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]
    assert scatters({"popularity": figures(0.1)}) == []
    assert [chart.title for chart in scatters({"a": figures(0.1, coverage=None), "b": figures(0.2)})] == [novelty.title]


def test_lines_over_history_are_of_popularity_the_best_baseline_and_learned_models() -> None:
    models = {
        "random": figures(0.01),
        "popularity": figures(0.1),
        "item_knn": figures(0.15),
        "ease": figures(0.3),
        "two_tower": figures(0.2),
        "graphsage": figures(0.18),
        "blend": figures(0.25),
        "lightgcn": figures(0.05),
    }
    chart = history_chart(models, "item_knn")
    assert chart is not None
    assert len(chart.lines) == MOST_LINES
    assert [line.label for line in chart.lines] == [
        "Blend", "Two-tower", "GraphSAGE", "Item-kNN", "Popularity", "LightGCN",
    ]  # fmt: skip
    assert [tick.text for tick in chart.x_ticks] == ["1–2", "20+"]
    blend = chart.lines[0]
    assert blend.points[1].y < blend.points[0].y < blend.points[0].low
    heights = sorted(line.label_y for line in chart.lines)
    assert min(b - a for a, b in pairwise(heights)) >= LABEL_HEIGHT
    one = {kind: {**row, "ndcg@10_by_history": row["ndcg@10_by_history"][:1]} for kind, row in models.items()}
    assert history_chart(one, None) is None


def test_a_study_is_started_from_its_page(admin_client: Client) -> None:
    url = reverse("admin:recommender_study_start")
    assert url in admin_client.get(reverse("admin:recommender_study_changelist")).content.decode()
    assert "Cold items: products of which training saw no event" in admin_client.get(url).content.decode()
    wrong = {"kinds": ["popularity"], "protocols": ["global_time"], "seeds": 0}
    assert "greater than or equal to 1" in admin_client.post(url, wrong).content.decode()
    with without_ringing():
        response = admin_client.post(url, wrong | {"seeds": 2}, follow=True)
    study = Study.objects.get()
    assert (study.kinds, study.protocols, study.seeds) == (["popularity"], ["global_time"], 2)
    assert f"Study {str(study.pk)[:8]} (queued) is queued" in response.content.decode()


def test_a_study_shows_what_is_finished_and_links_its_report(admin_client: Client, report: EvaluationReport) -> None:
    study = Study.objects.create(kinds=["popularity"], protocols=["global_time"], report=report, total=2, done=1)
    StudyCell.objects.create(
        study=study, protocol="global_time", kind="popularity", seed=0, validation_ndcg=0.125, seconds=3, worker="here"
    )
    page = admin_client.get(reverse("admin:recommender_study_change", args=[study.pk])).content.decode()
    assert "0.1250" in page
    assert reverse("admin:recommender_evaluationreport_change", args=[report.pk]) in page


def test_who_may_only_look_starts_nothing(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_study"))
    client.force_login(viewer)
    page = client.get(reverse("admin:recommender_study_changelist"))
    assert page.status_code == 200
    assert reverse("admin:recommender_study_start") not in page.content.decode()
    assert client.post(reverse("admin:recommender_study_start"), {"kinds": ["random"]}).status_code == 403
    assert not Study.objects.exists()
