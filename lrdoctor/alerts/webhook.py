"""One event as a POST of JSON: for people in `text`, for programs in `event`."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from lrdoctor import __version__
from lrdoctor.errors import LrdoctorError
from lrdoctor.reports.json import strict
from lrdoctor.streaming.events import StreamEvent

SECRET = "LRDOCTOR_WEBHOOK_SECRET"
"""Environment variable that holds the secret for the signature."""
SIGNATURE = "X-Lrdoctor-Signature"
"""Header: `sha256=` and the HMAC-SHA256 of the body, in hexadecimal digits, as GitHub signs its webhooks."""


@dataclass(frozen=True)
class Thresholds:
    tries: int = 4
    """POSTs of one event at most: with the pauses between them they outlast a restart of a server."""
    first_pause: float = 1.0
    """Seconds before the second try; each further pause is twice as long."""
    timeout: float = 10.0
    """Seconds that a connection may be silent."""


THRESHOLDS = Thresholds()
AGAIN = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which trying again may help."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for an answer: following it would make a GET of the POST."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class Webhook:
    """Where events are posted to.

    Args:
        url: http or https.
        secret: of the signature; None for none.
        pause: waits for so many seconds.

    Raises:
        LrdoctorError: it is no such URL.
    """

    def __init__(self, url: str, secret: str | None = None, pause: Callable[[float], None] = time.sleep) -> None:
        self._url, self._secret, self._pause = url, secret, pause
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise LrdoctorError(f"--webhook {url}: expected a URL such as https://hooks.slack.com/services/...")
        # the path of such a URL is its password
        self.where = f"{parts.scheme}://{parts.hostname}"
        self._open = urllib.request.build_opener(_NoRedirect).open

    def post(self, event: StreamEvent) -> None:
        """Posts the event, and tries again where that may help.

        Raises:
            LrdoctorError: it was not taken; the message says what came in its place.
        """
        body = body_of(event)
        for k in range(THRESHOLDS.tries):
            if k:
                self._pause(THRESHOLDS.first_pause * 2 ** (k - 1))
            found, may_help = self._try(body)
            if found is None:
                return
            if not may_help:
                break
        raise LrdoctorError(f"{found} after {k + 1} {'try' if not k else 'tries'}")

    def _try(self, body: bytes) -> tuple[str | None, bool]:
        """What went wrong, None where nothing did, and whether trying again may help."""
        headers = {"Content-Type": "application/json", "User-Agent": f"lrdoctor/{__version__}"}
        if self._secret:
            headers[SIGNATURE] = signature(body, self._secret)
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
        try:
            with self._open(request, timeout=THRESHOLDS.timeout):
                return None, False
        except urllib.error.HTTPError as error:
            error.close()
            return f"answered {error.code}", error.code in AGAIN
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            return str(reason) or type(error).__name__, not isinstance(error, ValueError)


def body_of(event: StreamEvent) -> bytes:
    """The JSON of an event: `text`, and under `event` every field, strings in place of numbers that are not finite."""
    fields = event.as_dict()
    return json.dumps({"text": fields.pop("text"), "event": strict(fields)}, allow_nan=False).encode()


def signature(body: bytes, secret: str) -> str:
    """What the header says of a body.

    >>> signature(b"{}", "key")[:23]
    'sha256=a777724d943eb48d'
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
