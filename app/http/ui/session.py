"""Who is at the browser: a sealed cookie that names a key, and a key that must still be in force.

Nothing is kept on our side, so any web process knows any session; to end one from here, revoke its key.
"""

import base64
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import g, request
from pydantic import BaseModel, ValidationError
from werkzeug import Response

from app.domain.status import Scope
from app.errors import AccessDenied
from app.http.context import Caller, runtime
from app.services.accounts import key_in_force

LIFETIME = timedelta(hours=12)
#: The field of every form that carries the session's token.
TOKEN_FIELD = "token"

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Viewer:
    """Who is signed in, as the key says now."""

    prefix: str
    workspace_id: UUID
    workspace: str
    auto_reply: bool
    """Whether the workspace lets drafts go out without a person."""
    scopes: frozenset[str]
    token: str
    """Stands in every form, so that no other site can send one for this person."""

    def may(self, scope: str) -> bool:
        return scope in self.scopes


class _Sealed(BaseModel):
    """What the cookie holds."""

    prefix: str
    workspace_id: UUID
    token: str


def begin(response: Response, key: str, holder: Caller) -> Response:
    """Sign the holder of a key in, who has just shown all of it."""
    assert holder.workspace_id is not None
    sealed = _Sealed(
        prefix=key.split("_")[1],
        workspace_id=holder.workspace_id,
        token=secrets.token_urlsafe(16),
    )
    response.set_cookie(
        _cookie(),
        _seal().encrypt(sealed.model_dump_json().encode()).decode(),
        max_age=LIFETIME,
        secure=_is_secure(),
        httponly=True,
        samesite="Strict",
    )
    return response


def end(response: Response) -> Response:
    """Sign out."""
    response.delete_cookie(
        _cookie(), secure=_is_secure(), httponly=True, samesite="Strict"
    )
    return response


def viewer() -> Viewer:
    """Who is signed in.

    Raises AccessDenied where nobody is, the time is over or the key was revoked.
    """
    sealed = _open(request.cookies.get(_cookie(), ""))
    key, workspace = key_in_force(runtime(), sealed.prefix)
    if workspace.id != sealed.workspace_id:
        raise AccessDenied("the API key belongs to another workspace")
    found = Viewer(
        key.prefix,
        workspace.id,
        workspace.name,
        workspace.auto_reply,
        frozenset(key.scopes),
        sealed.token,
    )
    g.viewer = found
    return found


def caller_with(scopes: Collection[Scope]) -> Caller:
    """The caller of a page; what changes something must come from a form of ours.

    Raises AccessDenied.
    """
    found = viewer()
    if request.method not in _READING:
        require_own_page()
        given = request.form.get(TOKEN_FIELD, "")
        if not hmac.compare_digest(given.encode(), found.token.encode()):
            raise AccessDenied("the form is not one of this session", known=True)
    if not any(found.may(scope) for scope in scopes):
        wanted = " or ".join(repr(str(scope)) for scope in scopes)
        raise AccessDenied(f"the API key lacks the scope {wanted}", known=True)
    return Caller(f"key {found.prefix}", found.workspace_id)


def require_own_page() -> None:
    """Refuse a form that another site's page sends.

    Browsers say where a request comes from, and no page can make them say something else. Older
    ones, and all of them where there is no TLS, say it in `Origin` only.

    Raises AccessDenied.
    """
    site = request.headers.get("Sec-Fetch-Site")
    is_own = site == "same-origin"
    if site is None:
        is_own = request.headers.get("Origin") in {
            f"{request.scheme}://{request.host}",
            _origin(str(runtime().settings.public_url)),
        }
    if not is_own:
        raise AccessDenied("the form comes from another site", known=True)


def _open(cookie: str) -> _Sealed:
    try:
        plain = _seal().decrypt(cookie.encode(), ttl=round(LIFETIME.total_seconds()))
        return _Sealed.model_validate_json(plain)
    except (InvalidToken, ValidationError):
        raise AccessDenied("nobody is signed in") from None


def _seal() -> Fernet:
    # A key of its own: what opens a session must not open stored credentials.
    derived = HKDF(SHA256(), 32, salt=None, info=b"bizzybee browser session").derive(
        runtime().settings.key_bytes
    )
    return Fernet(base64.urlsafe_b64encode(derived))


def _cookie() -> str:
    # Browsers take a cookie of this name over TLS only, and from no neighbouring host.
    return "__Host-bizzybee" if _is_secure() else "bizzybee"


def _is_secure() -> bool:
    return request.is_secure or str(runtime().settings.public_url).startswith("https:")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
