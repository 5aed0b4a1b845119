"""The catalogue in admin: what is sold, how it came here, and its vectors."""

from catalog.admin import clusterings, embeddings, imports, products, styles, suggestion_runs, suggestions, taxonomy

__all__ = ["clusterings", "embeddings", "imports", "products", "styles", "suggestion_runs", "suggestions", "taxonomy"]
