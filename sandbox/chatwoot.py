"""Chatwoot: conversations and their messages."""

from flask import Blueprint

from sandbox import chatwoot_messages

blueprint = Blueprint("chatwoot", __name__)
blueprint.register_blueprint(chatwoot_messages.blueprint)
