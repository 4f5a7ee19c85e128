import hashlib
import hmac
from dataclasses import replace

from tests.channels.examples import SECRET, Examples
from tests.channels.webhooks import request_of

POST = {
    "form": "contact",
    "name": "Anna Berg",
    "email": "anna@example.com",
    "phone": "+46 70 000 00 01",
    "subject": "Öppettider",
    "message": "Are you open on Sunday?",
    "Order number": 1042,
    "sent_at": "2026-09-03T08:15:30Z",
}


def sign(request, secret, timestamp="1790000000"):
    signed = timestamp.encode() + b"." + request.body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = {
        "x-webform-timestamp": timestamp,
        "x-webform-signature": f"sha256={digest}",
    }
    return replace(request, headers={**request.headers, **given})


EXAMPLES = Examples(
    requests=(
        request_of(POST),
        request_of(POST | {"id": 77}),
        request_of({"phone": "070-000 00 01", "message": "Call me"}),
        request_of({"name": "Bo", "phone": "+46700000002"}),
        request_of({"message": "I'd rather not say who I am"}),
    ),
    sign=sign,
    credentials={"webhook_secret": SECRET},
    unknown=request_of(POST | {"type": "hologram"}),
    malformed=request_of({"email": 7, "message": None}),
)
