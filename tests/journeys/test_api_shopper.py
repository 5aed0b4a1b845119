"""A shopper over HTTP, as an API client sees it: unknown at first, then their likes change what they get."""

import uuid

import httpx
import pytest

from tests.worlds import Shop

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def client(live_shop: Shop) -> httpx.Client:
    key = live_shop.manage(
        "create_api_key", "journey", "--scope", "recommendations:read", "--scope", "events:write"
    ).strip().splitlines()[-1]  # fmt: skip
    return httpx.Client(base_url=f"{live_shop.url}/api/v1/", headers={"Authorization": f"Api-Key {key}"}, timeout=30)


def recommended(client: httpx.Client, visitor: str, **parameters: object) -> dict:
    response = client.get("recommendations/", params={"visitor": visitor, "n": 10, **parameters})
    assert response.status_code == 200, response.text
    return response.json()


def products_of(slate: dict) -> list[str]:
    """Ids; the API may nest the product."""
    return [item["product"] if isinstance(item["product"], str) else item["product"]["id"] for item in slate["items"]]


def test_an_unknown_visitor_gets_a_sensible_page_at_once(client: httpx.Client, live_shop: Shop) -> None:
    slate = recommended(client, f"new-{uuid.uuid4()}")
    assert len(set(products_of(slate))) == 10
    assert slate["model"] == live_shop.summary["champion"]
    assert all(item["reason"] for item in slate["items"])
    assert [item["position"] for item in slate["items"]] == list(range(10))


def test_a_like_changes_the_next_recommendations(client: httpx.Client) -> None:
    visitor = f"liker-{uuid.uuid4()}"
    before = recommended(client, visitor)
    liked = products_of(before)[4]
    event = {
        "event_id": str(uuid.uuid4()),
        "type": "like",
        "visitor": visitor,
        "product": liked,
        "value": None,
        "occurred_at": "2026-01-05T10:00:00Z",
        "slate": before["slate"],
        "position": 4,
    }
    assert client.post("events/", json={"events": [event]}).json() == {
        "accepted": 1, "duplicates": 0, "rejected": [],
    }  # fmt: skip
    after = recommended(client, visitor)
    assert products_of(after) != products_of(before)
    assert liked not in products_of(after)  # it is theirs already
    assert any(item["reason"].startswith("Because you liked ") for item in after["items"])

    # Taken back, the like is as if it had never been.
    assert client.post("events/", json={**event, "type": "retract"}).json()["accepted"] == 1
    assert products_of(recommended(client, visitor)) == products_of(before)


def test_promotion_and_rollback_serve_from_the_next_request(client: httpx.Client, live_shop: Shop) -> None:
    champion = live_shop.summary["champion"]
    other = next(
        f"{kind}-{pk}"
        for kind, pk in live_shop.query("SELECT kind, id FROM recommender_modelversion ORDER BY id")
        if f"{kind}-{pk}" != champion and kind != "random"
    )
    live_shop.manage("promote_model", other)
    assert recommended(client, "switch")["model"] == other
    live_shop.manage("promote_model", "--rollback")
    assert recommended(client, "switch")["model"] == champion
