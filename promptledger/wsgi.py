"""The WSGI entry point that the web server loads."""

import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")

django_application = get_wsgi_application()

from common.parsing import BODY_LIMIT  # noqa: E402  (the framework reads its settings at import)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, told the length of a body that came in chunks: it takes a body without a length for an empty one.

    Reads one byte more than anybody may send, so that what is too large is still seen to be.
    """
    if "CONTENT_LENGTH" not in environ and environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read(BODY_LIMIT + 1) if "HTTP_TRANSFER_ENCODING" in environ else b""
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
    return django_application(environ, start_response)
