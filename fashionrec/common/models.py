"""What every app stands on: people, keys, the audit trail, and long work as rows."""

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models


class User(AbstractUser):
    """A person who signs in: staff of the shop, or a shopper with an account."""


class ApiKey(models.Model):
    """A key of the REST API. Only a digest of its secret is stored; the prefix finds the row."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    secret_digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    source = models.CharField(
        max_length=40, help_text="Visitors named by this key live in this namespace; two keys may share it."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}.…)"


class AuditEntry(models.Model):
    """Who did what to which object: promotions, rollbacks, keys, erasures."""

    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=200)
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object_type} {self.object_id}"


class Run(models.Model):
    """Long work as a row: the queue only says "look at run N".

    A worker holds a run by a lease that it renews while it works; when it dies, the lease runs out and
    `resume_stalled` rings for the run again.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        PAUSED = "paused"

    OPEN_STATES: ClassVar = [State.QUEUED, State.RUNNING]
    task_name: ClassVar[str]
    """Dotted name of the Celery task that works on a run, given its primary key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    total = models.PositiveIntegerField(default=0, help_text="Units of work in the whole run.")
    done = models.PositiveIntegerField(default=0, help_text="Units finished so far.")
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Times one process took the whole run up since it last made progress."
    )
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {str(self.pk)[:8]} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    @property
    def progress(self) -> float:
        """Share finished, 0..1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class Chunk(models.Model):
    """One piece of a run, claimed with FOR UPDATE SKIP LOCKED and finished in the transaction of its results."""

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        FAILED = "failed"

    index = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    size = models.PositiveIntegerField(help_text="Units of work in this chunk.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Times a worker claimed it.")
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["index"]

    def __str__(self) -> str:
        return f"chunk {self.index} ({self.state})"
