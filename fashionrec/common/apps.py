from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "fashionrec.common"
    label = "common"
    verbose_name = "People and access"
