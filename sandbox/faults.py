"""Scripted answers: what the providers do on demand instead of answering well.

A script is used for the next requests that it matches, in the order the scripts were
asked for, and is gone when it was used as often as it says.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from types import UnionType
from typing import Any

from flask import Response, json

#: The connection ends without an answer.
DROP = "drop"
#: 200 with a page of HTML, as a proxy in the way would send it.
GARBAGE = "garbage"
#: The true answer, or the scripted one, ends in its middle.
HALF = "half"
#: The connection stays open and nothing comes, for longer than anybody waits.
HANG = "hang"
MODES = (DROP, GARBAGE, HALF, HANG)

#: Seconds. Nobody's patience is as long, and the thread that hangs ends in the end.
_ENDLESS = 600

_PAGE = "<!doctype html><title>Please stand by</title><p>Back in a minute.</p>"
_KINDS: Mapping[str, type | UnionType] = {
    "times": int,
    "status": int | None,
    "delay_ms": int,
    "match": str,
    "headers": dict,
    "method": str,
    "served": bool,
    "code": int | None,
    "subcode": int | None,
    "wait": int,
}


@dataclass(frozen=True)
class Coded:
    """An error that a provider knows by a code."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


class BadScript(ValueError):
    """The script asks for something that cannot be played."""


@dataclass
class Script:
    """What happens to the next `times` requests to a provider."""

    provider: str
    times: int = 1
    match: str = ""
    """Stands somewhere in path and query, as the provider sees them."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Sent as JSON, a string as it is; by default the provider's error body."""
    mode: str | None = None
    delay_ms: int = 0
    """Waits before anything else; alone it only delays the true answer."""
    method: str = ""
    """Of the request, where it has to be a certain one."""
    served: bool = False
    """The request takes its effect first; only its answer is lost, or late."""
    code: int | None = None
    """The provider's own, which says status and body."""
    subcode: int | None = None
    wait: int = 0
    """Seconds that the provider asks for, with `code`, in its own way."""

    @classmethod
    def read(cls, asked: Mapping[str, Any]) -> "Script":
        """Raises `BadScript` for unknown fields and for what makes no sense."""
        known = {each.name for each in fields(cls)}
        if unknown := set(asked) - known:
            raise BadScript(f"unknown: {', '.join(sorted(unknown))}")
        if "provider" not in asked:
            raise BadScript("provider is missing")
        script = cls(**asked)
        for name, kind in _KINDS.items():
            if not isinstance(getattr(script, name), kind):
                raise BadScript(f"{name} is of the wrong type")
        if script.times < 1:
            raise BadScript("times must be at least 1")
        if script.mode not in (None, *MODES):
            raise BadScript(f"mode must be one of {', '.join(MODES)}")
        played = (script.mode, script.status, script.code, script.delay_ms or None)
        if all(each is None for each in played):
            raise BadScript("nothing to play: give a status, code, mode or delay_ms")
        return script

    def fits(self, provider: str, method: str, path: str) -> bool:
        """Whether it is played for such a request."""
        if self.method and self.method.upper() != method:
            return False
        return self.provider == provider and self.match in path

    def answer(self, default_body: Mapping[str, Any]) -> Response | None:
        """What is sent instead of the true answer, or None where that is sent."""
        if self.mode in (DROP, HANG):
            return Response(_dropped(_ENDLESS if self.mode == HANG else 0))
        if self.mode == GARBAGE:
            return Response(_PAGE, status=self.status or 200, headers=self.headers)
        if self.status is None:
            return None
        body = default_body if self.body is None else self.body
        as_is = isinstance(body, str)
        return Response(
            body if as_is else json.dumps(body),
            status=self.status,
            headers=self.headers,
            content_type="text/plain" if as_is else "application/json",
        )


class Scripts:
    """The scripts that wait to be played. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Script] = []

    def add(self, script: Script) -> None:
        with self._lock:
            self._waiting.append(script)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Script]:
        """What is left, in the order it will be played."""
        with self._lock:
            return list(self._waiting)

    def take(self, provider: str, method: str, path: str) -> Script | None:
        """The script for this request, which is one time less afterwards."""
        with self._lock:
            for script in self._waiting:
                if script.fits(provider, method, path):
                    script.times -= 1
                    if not script.times:
                        self._waiting.remove(script)
                    return script
        return None


def half(response: Response) -> Response:
    """The same answer, promised whole and broken off in its middle."""
    whole = response.get_data()
    headers = {**response.headers, "Content-Length": str(len(whole))}
    return Response(_broken_off(whole), status=response.status, headers=headers)


def reason(status: int) -> str:
    """What a scripted error says of itself."""
    try:
        return f"{HTTPStatus(status).phrase} (scripted)"
    except ValueError:  # 529 and other statuses of their own
        return f"Status {status} (scripted)"


def _dropped(after: float) -> Iterator[bytes]:
    time.sleep(after)
    # The server sends headers with the first bytes, so none are sent here.
    raise ConnectionAbortedError("scripted: no answer")
    yield b""


def _broken_off(whole: bytes) -> Iterator[bytes]:
    yield whole[: len(whole) // 2]
    raise ConnectionAbortedError("scripted: half an answer")
