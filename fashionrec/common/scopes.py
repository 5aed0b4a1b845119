"""What an API key may do. One scope per resource and direction; writing does not include reading."""

from django.db import models


class Scope(models.TextChoices):
    CATALOG_WRITE = "catalog:write", "create, change and archive products"
    EMBEDDINGS_READ = "embeddings:read", "read content vectors"
    RECOMMENDATIONS_READ = "recommendations:read", "recommendations for the key's visitors"
    EVENTS_WRITE = "events:write", "record what the key's visitors do"
    PERSONAS_READ = "personas:read", "read personas"
    RATINGS_READ = "ratings:read", "read ratings and rating runs"
    RATINGS_WRITE = "ratings:write", "start and cancel rating runs"
    MODELS_READ = "models:read", "read model versions and their metrics"
    MODELS_WRITE = "models:write", "promote a model version, roll back"
    IMPORTS_READ = "imports:read", "read imports and their issues"
    IMPORTS_WRITE = "imports:write", "start and cancel imports"
    VISITORS_READ = "visitors:read", "export what is stored about the key's visitors"
    VISITORS_WRITE = "visitors:write", "erase the key's visitors"
