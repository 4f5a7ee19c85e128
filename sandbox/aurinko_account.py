"""Aurinko's account: what it says of itself."""

from typing import Any

from flask import Blueprint

from sandbox import aurinko_access
from sandbox.world import world

blueprint = Blueprint("account", __name__)


@blueprint.get("/v1/account")
def account() -> dict[str, Any]:
    """The connected mailbox; it is told of even while the provider shuts Aurinko out."""
    name = aurinko_access.account_name()
    mailbox = world().mailbox(name)
    settings = mailbox.settings
    return {
        "id": aurinko_access.account_id(name),
        "serviceType": settings.service_type,
        "active": True,
        "tokenStatus": settings.token_status,
        "tokenError": settings.token_error,
        "email": mailbox.owner,
        "email2": None,
        "mailboxAddress": mailbox.owner,
        "name": mailbox.owner.partition("@")[0],
        "authScopes": ["Mail.Read", "Mail.Send"],
    }
