"""The catalogue in admin: what is sold, how it came here, and its vectors."""

from catalog.admin import embeddings, imports, products, taxonomy

__all__ = ["embeddings", "imports", "products", "taxonomy"]
