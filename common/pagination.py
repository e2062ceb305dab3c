"""Pages of a list: `{count, next, previous, results}`."""

from typing import Any

from rest_framework.pagination import PageNumberPagination

from common.errors import NotFound
from common.query import whole_number


class Pages(PageNumberPagination):
    """`?page=` from 1, `?page_size=` up to 200. A page that is not a number is 400, one past the end 404."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any]:
        """Return the rows of the page asked for. Raises BadInput or NotFound."""
        self.request = request
        number = whole_number(request.query_params, "page", default=1, most=1_000_000)
        size = whole_number(request.query_params, "page_size", default=self.page_size, most=self.max_page_size)
        paginator = self.django_paginator_class(queryset, size)
        if number > paginator.num_pages:
            raise NotFound(f"There are {paginator.num_pages} pages.")
        self.page = paginator.page(number)
        return list(self.page)
