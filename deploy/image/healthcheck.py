"""Ends with 0 when this container's web process is fit to serve, else with 1: what HEALTHCHECK runs."""

import http.client
import os
import sys

SECONDS = 8


def main() -> int:
    """Ask /health/ready by a name that ALLOWED_HOSTS has."""
    host = (os.environ.get("ALLOWED_HOSTS") or "localhost").split(",")[0].strip()
    port = int(os.environ.get("PORT") or "8000")
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("GET", "/health/ready", headers={"Host": host.replace("*", "").lstrip(".") or "localhost"})
        answer = connection.getresponse()
        print(answer.status, answer.read(2000).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        print(error)
        return 1
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
