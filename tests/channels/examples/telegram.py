from dataclasses import replace

from tests.channels.examples import SECRET, Examples, Signed
from tests.channels.webhooks import payload, request_of

_NAMES = "text photo edit reaction button business_owner migrated_to blocked topic"


def _update(name):
    return request_of(payload(f"telegram/{name}.json"))


def _sign(request, secret):
    given = {"x-telegram-bot-api-secret-token": secret}
    return replace(request, headers={**request.headers, **given})


EXAMPLES = Examples(
    requests=tuple(map(_update, _NAMES.split())),
    sign=_sign,
    signed=Signed.NOTHING,
    credentials={"secret_token": SECRET},
    unknown=_update("unknown_update"),
    malformed=_update("business_deleted"),
    readable=2,
)
