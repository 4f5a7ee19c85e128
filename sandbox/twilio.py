"""Twilio: text messages, WhatsApp where it carries that, and the files of both and of calls."""

from flask import Blueprint

from sandbox import twilio_files, twilio_messages

blueprint = Blueprint("twilio", __name__)

for module in (twilio_messages, twilio_files):
    blueprint.register_blueprint(module.blueprint)
