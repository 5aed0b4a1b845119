"""Lists in pages: {"count", "next", "previous", "results"}."""

from typing import Any

from django.core.paginator import EmptyPage, Paginator
from rest_framework import pagination, serializers
from rest_framework.request import Request

from fashionrec.common.api.validation import parse_query
from fashionrec.common.errors import FieldError, NotFound

DEFAULT_PAGE_SIZE = 24
LARGEST_PAGE = 100


class PageQuery(serializers.Serializer[Any]):
    page = serializers.IntegerField(default=1, min_value=1, help_text="Counted from 1.")
    page_size = serializers.IntegerField(default=DEFAULT_PAGE_SIZE, min_value=1, max_value=LARGEST_PAGE)


class PageNumberPagination(pagination.PageNumberPagination):
    """Raises Invalid for a page that is no number, NotFound for one beyond the end (the first page always exists)."""

    page_size = DEFAULT_PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = LARGEST_PAGE

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        asked = parse_query(request, PageQuery)
        self.request = request
        paginator = Paginator(queryset, asked["page_size"])
        try:
            self.page = paginator.page(asked["page"])
        except EmptyPage as error:
            reason = f"the last page is {paginator.num_pages}"
            raise NotFound(f"page: {reason}", fields=[FieldError("page", asked["page"], reason)]) from error
        return list(self.page)
