"""Telegram's Bot API."""

from flask import Blueprint

from sandbox import telegram_receiving, telegram_sending

blueprint = Blueprint("telegram", __name__)

for module in (telegram_sending, telegram_receiving):
    blueprint.register_blueprint(module.blueprint)
