"""Errors that a person or client can act on. Each names the field and quotes the value it received."""

from dataclasses import dataclass
from typing import Any

LONGEST_QUOTE = 200


@dataclass(frozen=True)
class FieldError:
    field: str
    value: Any
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "value": shortened(self.value), "reason": self.reason}


def shortened(value: Any) -> Any:
    """A received value fit to be quoted: text of at most LONGEST_QUOTE characters."""
    if isinstance(value, str) and len(value) > LONGEST_QUOTE:
        return value[:LONGEST_QUOTE] + "…"
    return value


class AppError(Exception):
    """A refusal with a code, a message and the fields at fault; the API renders it as is.

    `status` follows API.md: 400 malformed, 404 unknown, 409 conflict, 413 too large, 415 type, 422 meaningless.
    """

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, fields: list[FieldError] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or []

    @classmethod
    def for_field(cls, field: str, value: Any, reason: str) -> "AppError":
        return cls(f"{field}: {reason} (received {shortened(value)!r})", fields=[FieldError(field, value, reason)])


class Malformed(AppError):
    status, code = 400, "malformed"


class NotFound(AppError):
    status, code = 404, "not_found"


class Conflict(AppError):
    status, code = 409, "conflict"


class TooLarge(AppError):
    status, code = 413, "too_large"


class Invalid(AppError):
    status, code = 422, "invalid"
