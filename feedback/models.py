"""Shoppers, what they were shown, and what they did."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Func

from catalog.models import Product


class TransactionIdField(models.Field):  # type: ignore[type-arg]  # not subscriptable at run time
    """The id of the transaction that wrote the row (xid8): lets a reader find rows that committed late.

    Read rows below pg_snapshot_xmin(pg_current_snapshot()); ids alone commit out of order.
    """

    def db_type(self, connection: Any) -> str:
        return "xid8"


class CurrentTransactionId(Func):
    function = "pg_current_xact_id"
    template = "%(function)s()"


class Provenance(models.TextChoices):
    HUMAN = "human"
    SIMULATED = "simulated"


LONGEST_PREFERENCES = 500
"""Characters of what a visitor likes, in their own words."""


class Visitor(models.Model):
    """A shopper: a browser (source "web") or somebody named by an API key's owner (source of that key)."""

    WEB: ClassVar = "web"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=40, default=WEB)
    external_id = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="visitors"
    )
    provenance = models.CharField(max_length=10, choices=Provenance.choices, default=Provenance.HUMAN)
    persona = models.CharField(max_length=60, blank=True, help_text="Key of the look-alike persona, if one is known.")
    preferences = models.TextField(
        blank=True,
        max_length=LONGEST_PREFERENCES,
        validators=[MaxLengthValidator(LONGEST_PREFERENCES)],
        help_text="What they say they like, in their own words.",
    )
    consented = models.BooleanField(
        default=False, help_text="The latest consent: gates training, slates tied to the visitor, linking of sessions."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "external_id"], name="visitor_source_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.external_id}"


class Consent(models.Model):
    """What a visitor answered, when, to which wording. Rows are only added; the latest one counts."""

    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="consents")
    granted = models.BooleanField()
    wording = models.CharField(max_length=40, help_text="Version of the text that was shown.")
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-given_at", "-pk"]

    def __str__(self) -> str:
        return f"{'granted' if self.granted else 'refused'} ({self.wording})"


class Slate(models.Model):
    """One list of products that was served: position i of every array belongs together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.ForeignKey(Visitor, null=True, blank=True, on_delete=models.SET_NULL, related_name="slates")
    placement = models.CharField(max_length=30)
    products = ArrayField(models.BigIntegerField())
    sources = ArrayField(models.CharField(max_length=30))
    scores = ArrayField(models.FloatField())
    propensities = ArrayField(models.FloatField(), help_text="1 where nothing was drawn.")
    # Plain values, not foreign keys: nothing here points up to the recommender.
    model = models.CharField(max_length=80, blank=True)
    arm = models.CharField(max_length=80, blank=True)
    rules = models.JSONField(default=dict, blank=True, help_text="Snapshot of what filtered and ordered the slate.")
    context = models.JSONField(default=dict, blank=True, help_text="Inputs that replay the slate.")
    seed = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.placement} slate {str(self.pk)[:8]}"


class Event(models.Model):
    """One thing a visitor did. `event_id` makes recording idempotent."""

    class Type(models.TextChoices):
        VIEW = "view"
        CLICK = "click"
        DWELL = "dwell"
        IMPRESSION_SEEN = "impression_seen"
        LIKE = "like"
        DISLIKE = "dislike"
        HIDE = "hide"
        RATE = "rate"
        SEARCH = "search"
        BASKET_ADD = "basket_add"
        BASKET_REMOVE = "basket_remove"
        PURCHASE = "purchase"
        RETRACT = "retract"

    event_id = models.UUIDField(unique=True)
    type = models.CharField(max_length=20, choices=Type.choices)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="events")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    value = models.FloatField(null=True, blank=True, help_text="Seconds of dwell, stars of a rating.")
    query = models.CharField(max_length=200, blank=True, help_text="Words of a search.")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    slate = models.UUIDField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(null=True, blank=True)
    retracted_by = models.UUIDField(null=True, blank=True, help_text="The retract event that undid this one.")
    provenance = models.CharField(max_length=10, choices=Provenance.choices, default=Provenance.HUMAN)
    transaction_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        ordering: ClassVar = ["occurred_at", "pk"]
        indexes: ClassVar = [
            models.Index(fields=["visitor", "occurred_at"], name="event_visitor_time"),
            models.Index(fields=["product", "type"], name="event_product_type"),
            models.Index(fields=["transaction_id"], name="event_transaction"),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.product_id}"
