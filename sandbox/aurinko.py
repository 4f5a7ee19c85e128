"""Aurinko, the unified e-mail API: accounts, messages, sync, sending, subscriptions."""

from flask import Blueprint

from sandbox import (
    aurinko_account,
    aurinko_messages,
    aurinko_sending,
    aurinko_subscriptions,
    aurinko_sync,
)

blueprint = Blueprint("aurinko", __name__)

for module in (
    aurinko_account,
    aurinko_messages,
    aurinko_sync,
    aurinko_sending,
    aurinko_subscriptions,
):
    blueprint.register_blueprint(module.blueprint)
