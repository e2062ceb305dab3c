"""Every error of the API in one shape; never a 500 for what a client sent (SPEC 9)."""

import logging
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, transaction
from django.http import Http404, UnreadablePostError
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from common.errors import Refusal

logger = logging.getLogger("promptledger.api")


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer for any error that a client can cause; None lets a defect of ours surface."""
    if transaction.get_connection().in_atomic_block and transaction.get_connection().needs_rollback:
        transaction.set_rollback(True)
    if isinstance(error, Refusal):
        wait = error.data.get("retry_after")
        return _response(error.as_json(), error.status, {"Retry-After": str(wait)} if wait else None)
    if isinstance(error, ValidationError):
        return _response(_validation(error), 400)
    if isinstance(error, APIException):
        return _of_framework(error)
    if isinstance(error, Http404):
        return _response({"detail": "Not found.", "code": "not_found"}, 404)
    if isinstance(error, PermissionDenied):
        return _response({"detail": str(error) or "Not allowed.", "code": "permission_denied"}, 403)
    if isinstance(error, ObjectDoesNotExist):
        # It was there when the request began.
        return _response({"detail": "It was deleted in the meantime.", "code": "not_found"}, 404)
    if isinstance(error, UnreadablePostError):
        return _response({"detail": "The body broke off before its end.", "code": "parse_error"}, 400)
    return _of_database(error)


def _response(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=status, headers=headers)


def _validation(error: ValidationError) -> dict[str, Any]:
    if hasattr(error, "error_dict"):
        fields = {("detail" if name == NON_FIELD_ERRORS else name): said for name, said in error.message_dict.items()}
    else:
        fields = {"detail": error.messages}
    first = next((f"{name}: {said[0]}" if name != "detail" else said[0] for name, said in fields.items()), "Invalid.")
    return {"detail": first, "code": "invalid", "errors": fields}


def _of_framework(error: APIException) -> Response:
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    body: dict[str, Any] = {"detail": str(error.detail), "code": code}
    if not isinstance(error.detail, str):
        body = {"detail": "Some fields are not valid.", "code": "invalid", "errors": error.detail}
    return _response(body, error.status_code, headers)


def _of_database(error: Exception) -> Response | None:
    if isinstance(error, IntegrityError):
        said = str(error).splitlines()[0]
        logger.warning("Refused by the database: %s", said)
        if "promptledger:" in said:
            return _response({"detail": said.partition("promptledger:")[2].strip(), "code": "guarded"}, 409)
        return _response({"detail": "Something else has this name or number already.", "code": "conflict"}, 409)
    if isinstance(error, DataError | RecursionError | UnicodeError | OverflowError):
        return _response({"detail": "A value in the request cannot be stored or looked up.", "code": "invalid"}, 400)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database does not answer: %s", error)
        body = {"detail": "The database does not answer right now. Try again.", "code": "unavailable"}
        return _response(body, 503, {"Retry-After": "1"})
    return None
