"""The shapes of events, for the documentation: feedback.services.events reads and checks them."""

from typing import Any

from rest_framework import serializers

from feedback.models import Event
from feedback.services.events import MAX_BATCH
from feedback.services.visitors import LONGEST_EXTERNAL_ID


class EventSerializer(serializers.Serializer[Any]):
    event_id = serializers.UUIDField(
        help_text="Yours to choose; a repetition is counted as a duplicate. For a retract: the event to undo."
    )
    type = serializers.ChoiceField(Event.Type.choices)
    visitor = serializers.CharField(
        required=False,
        max_length=LONGEST_EXTERNAL_ID,
        help_text="Your id of the shopper; a browser may leave it out.",
    )
    product = serializers.CharField(
        required=False, allow_null=True, help_text="Its id. Needed by all types but search and retract."
    )
    value = serializers.FloatField(
        required=False, allow_null=True, help_text="Seconds of a dwell; a rating, −1 or 1 to 10."
    )
    query = serializers.CharField(required=False, max_length=200, help_text="Words of a search.")
    occurred_at = serializers.DateTimeField(required=False, help_text="RFC 3339 with a time zone; default: now.")
    slate = serializers.UUIDField(required=False, allow_null=True, help_text="The slate it was shown in.")
    position = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=32_767)
    retracts = serializers.UUIDField(
        required=False, help_text="For a retract that has an event_id of its own: the event to undo."
    )


class EventBatchSerializer(serializers.Serializer[Any]):
    events = EventSerializer(many=True, help_text=f"At most {MAX_BATCH}. An event by itself is a batch of one.")


class RejectedEventSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Place in the batch, from 0.")
    field = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    reason = serializers.CharField()


class BatchResultSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Known already; nothing was written.")
    rejected = RejectedEventSerializer(many=True)
