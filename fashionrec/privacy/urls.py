from django.urls import path

from fashionrec.privacy.views import VisitorView

urlpatterns = [path("visitors/<path:visitor_id>/", VisitorView.as_view(), name="api-visitor")]
