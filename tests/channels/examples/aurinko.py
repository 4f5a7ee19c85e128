import hashlib
import hmac
from dataclasses import replace

from tests.channels.examples import SECRET, Examples
from tests.channels.webhooks import request_of


def _notice(**fields):
    told = {"subscription": 7, "resource": "/email/messages", "accountId": 4242}
    return request_of(told | fields)


def _sign(request, secret):
    signed = b"v0:1790000000:" + request.body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = {
        "x-aurinko-request-timestamp": "1790000000",
        "x-aurinko-signature": digest,
    }
    return replace(request, headers={**request.headers, **given})


EXAMPLES = Examples(
    requests=(
        _notice(payloads=[{"id": "AAMk-1", "changeType": "created"}]),
        _notice(payloads=[]),
        _notice(lifecycleEvent="error", error="the token has expired"),
    ),
    sign=_sign,
    settings={"AURINKO_WEBHOOK_SECRET": SECRET},
    account_id="4242",
)
