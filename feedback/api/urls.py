from django.urls import path

from feedback.api.views import EventsView

urlpatterns = [path("events/", EventsView.as_view(), name="api-events")]
