from django.urls import path

from recommender.api import models, recommendations

urlpatterns = [
    path("recommendations/", recommendations.RecommendationsView.as_view(), name="api-recommendations"),
    path(
        "products/<path:product_id>/complements/",
        recommendations.ComplementsView.as_view(),
        name="api-product-complements",
    ),
    path("models/", models.ModelsView.as_view(), name="api-models"),
    path("models/rollback/", models.RollbackView.as_view(), name="api-models-rollback"),
    path("models/challenger/", models.ChallengerView.as_view(), name="api-models-challenger"),
    path("models/<str:model_id>/", models.ModelView.as_view(), name="api-model"),
    path("models/<str:model_id>/promote/", models.PromoteView.as_view(), name="api-model-promote"),
    path("models/<str:model_id>/challenge/", models.ChallengeView.as_view(), name="api-model-challenge"),
]
