"""The rows of the catalogue."""

from catalog.models.embeddings import EmbeddingChunk, EmbeddingRun, Encoder, ProductEmbedding
from catalog.models.imports import ImageDownloadChunk, ImageDownloadRun, ImportIssue, ImportRun, upload_storage
from catalog.models.products import Brand, Category, Product, ProductImage, Variant
from catalog.models.styles import ClusterRun, StyleCluster, StylePlacement
from catalog.models.suggestions import AttributeSuggestion, SuggestionRun

__all__ = [
    "AttributeSuggestion",
    "Brand",
    "Category",
    "ClusterRun",
    "EmbeddingChunk",
    "EmbeddingRun",
    "Encoder",
    "ImageDownloadChunk",
    "ImageDownloadRun",
    "ImportIssue",
    "ImportRun",
    "Product",
    "ProductEmbedding",
    "ProductImage",
    "StyleCluster",
    "StylePlacement",
    "SuggestionRun",
    "Variant",
    "upload_storage",
]
