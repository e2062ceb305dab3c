"""The WSGI entry point that the web server loads."""

import os
from collections.abc import Callable, Iterable

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")

django_application = get_wsgi_application()

# The framework reads its settings at import.
from django.conf import settings  # noqa: E402

from common import telemetry  # noqa: E402
from promptledger.uploads import Uploads  # noqa: E402
from versions.edge import Edge  # noqa: E402
from versions.generation import Generation  # noqa: E402

# Of the four threads that `manage.py up` has by default one always answers; it says so where there are more or fewer.
with_body = Uploads(django_application, at_once=3)

application: Callable[..., Iterable[bytes]] = Edge(
    with_body, Generation(), local=settings.LOCAL_MODE, limit=settings.SERVING_CACHE_BYTES
)
if telemetry.is_on():
    from common.telemetry.wsgi import Traced

    application = Traced(application)
