from django.urls import path

from personas.api import views

urlpatterns = [
    path("personas/", views.PersonasView.as_view(), name="api-personas"),
    path("personas/<str:persona_id>/ratings/", views.PersonaRatingsView.as_view(), name="api-persona-ratings"),
    path("ratings/", views.RatingsView.as_view(), name="api-ratings"),
    path("rating-runs/", views.RatingRunsView.as_view(), name="api-rating-runs"),
    path("rating-runs/<uuid:run_id>/", views.RatingRunView.as_view(), name="api-rating-run"),
    path("rating-runs/<uuid:run_id>/cancel/", views.CancelRatingRunView.as_view(), name="api-rating-run-cancel"),
    path("rating-runs/<uuid:run_id>/resume/", views.ResumeRatingRunView.as_view(), name="api-rating-run-resume"),
    path("rating-runs/<uuid:run_id>/publish/", views.PublishRatingRunView.as_view(), name="api-rating-run-publish"),
]
