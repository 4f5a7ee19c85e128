from dataclasses import replace

from app.channels.twilio.signature import fields_of, signature
from tests.channels.examples import SECRET, Examples, Signed
from tests.channels.webhooks import FORM, payload, request_of

_NAMES = "sms mms stop status_delivered status_undelivered short_code whatsapp"


def _form(body):
    return request_of(body, headers={"content-type": FORM})


def _sign(request, secret):
    signed = signature(secret, request.url, fields_of(request.body.decode()))
    return replace(request, headers={**request.headers, "x-twilio-signature": signed})


EXAMPLES = Examples(
    requests=tuple(_form(payload(f"twilio/{name}.txt")) for name in _NAMES.split()),
    sign=_sign,
    signed=Signed.FIELDS,
    credentials={"auth_token": SECRET},
    account_id="AC00000000000000000000000000000001",
    unknown=_form(payload("twilio/whatsapp_unknown.txt")),
    malformed=_form(b"AccountSid=AC00000000000000000000000000000001&Body=Hi"),
)
