from django.urls import path

from catalog.api import embeddings, imports, products, search

urlpatterns = [
    path("search/", search.SearchView.as_view(), name="api-search"),
    path("embeddings/", embeddings.EmbeddingsView.as_view(), name="api-embeddings"),
    path("imports/", imports.ImportsView.as_view(), name="api-imports"),
    path("imports/<uuid:import_id>/", imports.ImportView.as_view(), name="api-import"),
    path("imports/<uuid:import_id>/cancel/", imports.CancelImportView.as_view(), name="api-import-cancel"),
    path("products/", products.ProductsView.as_view(), name="api-products"),
    path("products/<path:product_id>/similar/", products.SimilarView.as_view(), name="api-product-similar"),
    path("products/<path:product_id>/embedding/", embeddings.EmbeddingView.as_view(), name="api-product-embedding"),
    # Last: an external id may contain slashes.
    path("products/<path:product_id>/", products.ProductView.as_view(), name="api-product"),
]
