"""The API's pages, and how its callers prove themselves, for OpenAPI."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularSwaggerSplitView


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI without inline script or style: the content security policy stays on."""

    url_name = "api-schema"
    template_name = "api/docs.html"
    throttle_classes = ()


ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "example": "invalid"},
                "message": {"type": "string"},
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "value", "reason"],
                        "properties": {
                            "field": {"type": "string"},
                            "value": {"description": "What was received.", "nullable": True},
                            "reason": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}


def describe_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add to every operation the one shape that all errors have."""
    result["components"]["schemas"]["Error"] = ERROR_SCHEMA
    reference = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "Any error.", "content": reference}
    return result


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "fashionrec.common.api.authentication.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key <prefix>.<secret>`, made with `manage.py create_api_key` or in the admin.",
        }


class VisitorCookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "feedback.api.authentication.VisitorCookieAuthentication"
    name = "visitor"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        from feedback.web import COOKIE

        return {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "The shop's signed cookie: a browser reaches its own visitor. Writing needs X-CSRFToken.",
        }
