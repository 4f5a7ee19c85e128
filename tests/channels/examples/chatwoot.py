import hashlib
import hmac
from dataclasses import replace

from tests.channels.examples import SECRET, Examples
from tests.channels.webhooks import payload, request_of, told

_NAMES = """
    incoming outgoing edited deleted delivered failed files form_answered mail note rated resolved
    contact_updated activity typing widget
"""


def _sign(request, secret):
    signed = b"1790000000." + request.body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = {
        "x-chatwoot-timestamp": "1790000000",
        "x-chatwoot-signature": f"sha256={digest}",
    }
    return replace(request, headers={**request.headers, **given})


EXAMPLES = Examples(
    requests=tuple(
        request_of(payload(f"chatwoot/{name}.json")) for name in _NAMES.split()
    ),
    sign=_sign,
    credentials={"webhook_secret": SECRET},
    account_id="3",
    unknown=request_of(payload("chatwoot/unknown.json")),
    malformed=request_of(told("chatwoot/incoming.json") | {"id": None}),
)
