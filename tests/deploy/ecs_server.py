"""The fake ECS behind HTTP, as boto3 speaks it: what a command line is tried against."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from tests.deploy.fake_ecs import FakeECS


def plain(value: Any) -> Any:
    """Times as the protocol has them."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(type(value))


@contextmanager
def serving(ecs: FakeECS) -> Iterator[str]:
    """Serve on a free port; each call takes a minute of the fake's time."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
            ecs.seconds += 60
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
            body = json.dumps(getattr(ecs, name)(**given), default=plain).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
