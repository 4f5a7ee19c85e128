"""Meta's Graph API: WhatsApp, Messenger and Instagram."""

from flask import Blueprint, Response

from sandbox import meta_access, meta_reading, meta_sending

blueprint = Blueprint("meta", __name__)

for module in (meta_sending, meta_reading):
    blueprint.register_blueprint(module.blueprint)


@blueprint.after_request
def tell_usage(response: Response) -> Response:
    """Every answer says how much of the limits is used."""
    for name, value in meta_access.usage().items():
        response.headers.setdefault(name, value)
    return response
