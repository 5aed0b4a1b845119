"""The admin site: a name, and the apps in the order of the data's way."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

APP_ORDER = ["catalog", "personas", "feedback", "recommender", "common"]


class FashionrecAdminSite(AdminSite):
    site_header = "fashionrec"
    site_title = "fashionrec"
    index_title = "The shop"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        order = {label: position for position, label in enumerate(APP_ORDER)}
        return sorted(apps, key=lambda app: order.get(app["app_label"], len(order)))
