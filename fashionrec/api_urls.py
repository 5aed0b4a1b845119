"""The REST API, composed from the apps: /api/v1/, its schema and its pages."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from fashionrec import api_docs
from fashionrec.error_pages import unknown_api_url

v1 = [
    path("", include("recommender.api.urls")),
    path("", include("feedback.api.urls")),
    path("", include("personas.api.urls")),
    path("", include("fashionrec.privacy.urls")),
    # Last: an external id may contain slashes, so products/<id>/ takes whatever nobody above has claimed.
    path("", include("catalog.api.urls")),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", api_docs.DocsView.as_view(), name="api-docs"),
    re_path(r"", unknown_api_url),
]
