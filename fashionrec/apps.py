from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class FashionrecAdminConfig(AdminConfig):
    default_site = "fashionrec.admin.FashionrecAdminSite"


class FashionrecConfig(AppConfig):
    """The composition root as an app, so that its management commands are found. It has no models."""

    name = "fashionrec"
    label = "fashionrec"
