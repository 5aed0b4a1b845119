"""Every address of the shop: admin, API, health, metrics, and the storefront at the root."""

from typing import Any

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

from fashionrec import health
from fashionrec.metrics import metrics

urlpatterns: list[Any] = [
    path("admin/", admin.site.urls),
    path("api/", include("fashionrec.api_urls")),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
    # Only with DEBUG: otherwise the web server in front serves media.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    path("", include("fashionrec.storefront.urls")),
]

handler400 = "fashionrec.error_pages.bad_request"
handler403 = "fashionrec.error_pages.permission_denied"
handler404 = "fashionrec.error_pages.page_not_found"
handler500 = "fashionrec.error_pages.server_error"
