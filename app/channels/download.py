"""Fetches a file from an address that a message brought, wherever its writer wants us to go.

Whoever can send a message can name an address, so nothing of ours must be reachable through one: only
public hosts by TLS, connected to by the very address that was checked, and each redirect checked anew.
Proxies are not used, for they would resolve the name once more.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from app.config import Settings
from app.errors import Gone, PermanentError, Refused, RetryableError
from app.transport import retry_after

CONNECT_SECONDS = 5.0
#: Between two pieces of an answer, and for all of it, redirects too.
READ_SECONDS = 20.0
DEADLINE = 60.0
MAX_REDIRECTS = 3

_PIECE = 64 * 1024
_PORT = 443
#: The last four bytes of such an address are one of IPv4.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

#: `socket.getaddrinfo`, as far as it is used.
Resolve = Callable[..., list[Any]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Downloads:
    """Fetches files from public addresses. Safe between threads and after a fork."""

    def __init__(
        self,
        *,
        max_bytes: int,
        allow_private: bool = False,
        deadline: float = DEADLINE,
        resolve: Resolve = socket.getaddrinfo,
    ) -> None:
        self._max_bytes = max_bytes
        self._allow_private = allow_private
        self._deadline = deadline
        self._resolve = resolve

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            max_bytes=settings.attachment_max_bytes,
            allow_private=settings.private_downloads,
        )

    def fetch(self, url: str) -> bytes:
        """The bytes at an address.

        Raises Refused, Gone, RetryableError or PermanentError; their words name neither
        the address nor what was answered.
        """
        with _Watch(self._deadline) as watch:
            for _ in range(MAX_REDIRECTS + 1):
                answered = self._get(url, watch)
                if isinstance(answered, bytes):
                    return answered
                url = urljoin(url, answered)
        raise Refused(f"its address leads on more than {MAX_REDIRECTS} times")

    def _get(self, url: str, watch: "_Watch") -> bytes | str:
        """The bytes, or the address where they are said to be."""
        parts = self._checked(url)
        with self._connected(parts, watch) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"User-Agent": "BizzyBee", "Accept-Encoding": "identity"}
            try:
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
                location = response.headers.get("Location")
                if response.status in {301, 302, 303, 307, 308} and location:
                    return location
                if response.status != 200:
                    raise _refusal(response)
                body = self._body(response)
                if watch.is_over:  # what was cut off may look like an end
                    raise http.client.IncompleteRead(b"")
                return body
            except (OSError, http.client.HTTPException, ValueError) as exc:
                if watch.is_over:
                    raise RetryableError("its address answers too slowly") from None
                detail = f"its address does not answer ({type(exc).__name__})"
                raise RetryableError(detail) from None

    def _checked(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            # What is no ASCII, or holds a blank or a line end, is no address.
            url.encode("ascii")
        except ValueError:
            raise Refused("its address cannot be read") from None
        if not host or any(char <= " " or char == "\x7f" for char in url):
            raise Refused("its address cannot be read")
        if parts.username is not None:
            raise Refused("its address carries a password")
        if self._allow_private and parts.scheme == "http":
            return parts
        if parts.scheme != "https":
            raise Refused("its address is not one of https")
        if port not in {None, _PORT} and not self._allow_private:
            raise Refused("its address names an unusual port")
        return parts

    @contextmanager
    def _connected(
        self, parts: SplitResult, watch: "_Watch"
    ) -> Iterator[http.client.HTTPConnection]:
        """A connection to the address that was checked, and to no other."""
        host = str(parts.hostname)
        is_tls = parts.scheme == "https"
        port = parts.port or (_PORT if is_tls else 80)
        address = self._public_address(host, port)
        try:
            plain = socket.create_connection(
                (address, port), timeout=min(CONNECT_SECONDS, self._deadline)
            )
        except OSError as exc:
            detail = f"its address cannot be connected ({type(exc).__name__})"
            raise RetryableError(detail) from None
        with watch.over(plain):
            try:
                plain.settimeout(READ_SECONDS)
                wrapped = (
                    _tls().wrap_socket(plain, server_hostname=host) if is_tls else plain
                )
            except (OSError, ValueError) as exc:
                plain.close()
                detail = f"its address has no valid certificate ({type(exc).__name__})"
                raise RetryableError(detail) from None
            connection = http.client.HTTPConnection(host, port)
            connection.sock = wrapped
            with watch.over(wrapped):
                try:
                    yield connection
                finally:
                    connection.close()

    def _public_address(self, host: str, port: int) -> str:
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise RetryableError("its address has no known host") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if self._allow_private or _is_public(address):
                return address
        raise Refused("its address is not a public one")

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        body = bytearray()
        if (response.length or 0) > self._max_bytes:
            raise Refused(too_large(self._max_bytes))
        while piece := response.read1(_PIECE):
            body += piece
            if len(body) > self._max_bytes:
                raise Refused(too_large(self._max_bytes))
        if response.length:
            raise http.client.IncompleteRead(b"")
        return bytes(body)


def too_large(limit: int) -> str:
    """Why a file is not kept that has more than so many bytes."""
    return f"it is larger than {limit / 1024 / 1024:.3g} MiB"


class _Watch:
    """Ends whatever goes on when the time is over.

    A time limit between two bytes is none for all of them, and headers are read whole.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self._guard = threading.Lock()
        self.is_over = False

    def __enter__(self) -> "_Watch":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @contextmanager
    def over(self, sock: socket.socket) -> Iterator[None]:
        """Shut a socket when the time is over."""
        with self._guard:
            self._sockets.append(sock)
            if self.is_over:
                raise RetryableError("its address answers too slowly")
        try:
            yield
        finally:
            with self._guard:
                self._sockets.remove(sock)

    def _end(self) -> None:
        with self._guard:
            self.is_over = True
            for sock in self._sockets:
                # Shut, not closed: who reads it wakes up and closes it.
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


def _is_public(address: str) -> bool:
    try:
        ip: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _refusal(response: http.client.HTTPResponse) -> Exception:
    status, headers = response.status, dict(response.headers.items())
    pause = retry_after(headers)
    # An address that carried its permission in itself answers so when the permission has expired.
    if status in {401, 403, 404, 410}:
        return Gone(f"its address answered {status}")
    # Not RateLimited: that would be tried for ever, and hold up the other files of the account.
    if status in {408, 429} or status >= 500:
        return RetryableError(f"its address answered {status}", pause)
    return PermanentError(f"its address answered {status}")


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
