"""Shapes of products, items, vectors and imports."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.models import ImportIssue, ImportRun, Product, ProductEmbedding, ProductImage
from fashionrec.common.models import Run


class ImageSerializer(serializers.Serializer[Any]):
    url = serializers.SerializerMethodField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()

    def get_url(self, image: ProductImage) -> str:
        request = self.context.get("request")
        return request.build_absolute_uri(image.file.url) if request else image.file.url


class ProductCardSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id", help_text="<source>:<external id>")
    title = serializers.CharField()
    brand = serializers.CharField(source="brand.name", default=None, allow_null=True)
    category = serializers.CharField(
        source="category.path", default=None, allow_null=True, help_text="Path from the root, as in Women > Dresses."
    )
    gender = serializers.CharField()
    colour = serializers.CharField()
    price = serializers.DecimalField(
        max_digits=10, decimal_places=2, allow_null=True, help_text="The lowest of its variants; null = on request."
    )
    currency = serializers.CharField()
    in_stock = serializers.BooleanField()
    images = ImageSerializer(many=True)


class VariantSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    size = serializers.CharField()
    colour = serializers.CharField()
    price = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    compare_at_price = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    currency = serializers.CharField()
    stock = serializers.IntegerField(allow_null=True, help_text="null = untracked and sellable")


class ClusterSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ProductDetailSerializer(ProductCardSerializer):
    description = serializers.CharField()
    material = serializers.CharField()
    pattern = serializers.CharField()
    season = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    status = serializers.ChoiceField(Product.Status.choices)
    variants = VariantSerializer(many=True)
    cluster = serializers.SerializerMethodField(help_text="The style cluster it belongs to.")

    @extend_schema_field(ClusterSerializer(allow_null=True))
    def get_cluster(self, product: Product) -> dict[str, Any] | None:
        placement = getattr(product, "placement", None)
        cluster = placement.cluster if placement else None
        return dict(ClusterSerializer(cluster).data) if cluster else None


class VariantInputSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField(required=False, max_length=120, help_text="Default: made from the external id.")
    size = serializers.CharField(required=False, max_length=40)
    colour = serializers.CharField(required=False, max_length=60)
    price = serializers.DecimalField(max_digits=10, decimal_places=2, required=False, allow_null=True)
    compare_at_price = serializers.DecimalField(max_digits=10, decimal_places=2, required=False, allow_null=True)
    currency = serializers.CharField(required=False, max_length=3)
    stock = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class ProductChangeSerializer(serializers.Serializer[Any]):
    """For the documentation: catalog.product_parsing reads and checks products, here as in imports."""

    title = serializers.CharField(required=False, max_length=300)
    description = serializers.CharField(required=False, max_length=20_000)
    brand = serializers.CharField(required=False, max_length=120)
    category = serializers.CharField(required=False, max_length=400, help_text="Path from the root; made when new.")
    gender = serializers.ChoiceField(Product.Gender.choices, required=False)
    colour = serializers.CharField(required=False, max_length=60)
    material = serializers.CharField(required=False, max_length=60)
    pattern = serializers.CharField(required=False, max_length=60)
    season = serializers.CharField(required=False, max_length=20)
    attributes = serializers.DictField(child=serializers.CharField(), required=False)
    status = serializers.ChoiceField(Product.Status.choices, required=False)
    variants = VariantInputSerializer(many=True, required=False, help_text="Replaces all variants.")
    sku = serializers.CharField(required=False, max_length=120, help_text="As the next five: of a single variant.")
    size = serializers.CharField(required=False, max_length=40)
    price = serializers.DecimalField(max_digits=10, decimal_places=2, required=False, allow_null=True)
    compare_at_price = serializers.DecimalField(max_digits=10, decimal_places=2, required=False, allow_null=True)
    currency = serializers.CharField(required=False, max_length=3)
    stock = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class NewProductSerializer(ProductChangeSerializer):
    id = serializers.CharField(required=False, help_text="<source>:<external id>; or give the two apart.")
    external_id = serializers.CharField(required=False, max_length=100)
    source = serializers.CharField(required=False, max_length=40, help_text="Default: the key's source.")  # type: ignore[assignment]
    title = serializers.CharField(max_length=300)


class ItemSerializer(serializers.Serializer[Any]):
    product = serializers.CharField(source="product.public_id")
    score = serializers.FloatField()
    source = serializers.CharField(help_text="What brought it.")  # type: ignore[assignment]
    reason = serializers.CharField()


class ItemsSerializer(serializers.Serializer[Any]):
    items = ItemSerializer(many=True)


class FoundSerializer(ItemsSerializer):
    corrected = serializers.CharField(
        allow_null=True, help_text="The words that were searched for, where the ones sent look misspelt."
    )


class VectorSerializer(serializers.Serializer[Any]):
    product = serializers.CharField()
    vector = serializers.ListField(child=serializers.FloatField(), help_text="Unit length.")


class VectorsSerializer(serializers.Serializer[Any]):
    encoder = serializers.CharField()
    dimensions = serializers.IntegerField()
    items = VectorSerializer(many=True)
    missing = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Ids without a vector of this kind, or unknown."
    )


class EmbeddingKindQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(ProductEmbedding.Kind.choices, default=ProductEmbedding.Kind.HYBRID)


class IssueSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="From 1, the first row after the header.")
    severity = serializers.ChoiceField(ImportIssue.Severity.choices)
    field = serializers.CharField()
    value = serializers.CharField()
    reason = serializers.CharField()


class ImportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(Run.State.choices)
    source = serializers.CharField()  # type: ignore[assignment]
    format = serializers.CharField()
    read = serializers.IntegerField(help_text="created + updated + unchanged + rejected")
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    rejected = serializers.IntegerField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ImportDetailSerializer(ImportSerializer):
    issues_count = serializers.SerializerMethodField()
    issues = serializers.SerializerMethodField(help_text="One page of them, in the order of the rows.")

    def get_issues_count(self, run: ImportRun) -> int:
        return run.issues.count()

    @extend_schema_field(IssueSerializer(many=True))
    def get_issues(self, run: ImportRun) -> Any:
        start = (self.context["page"] - 1) * self.context["page_size"]
        return IssueSerializer(run.issues.all()[start : start + self.context["page_size"]], many=True).data
