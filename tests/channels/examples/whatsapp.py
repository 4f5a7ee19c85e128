from tests.channels.examples import SECRET, Examples
from tests.channels.meta import as_sent, payload, signed
from tests.channels.webhooks import request_of

_NAMES = "types changes statuses echo batch"


def _value_of(envelope):
    return envelope["entry"][0]["changes"][0]["value"]


def _unknown():
    envelope = payload("whatsapp_types")
    value = _value_of(envelope)
    value["messages"] = [value["messages"][0] | {"type": "hologram"}]
    return envelope


def _malformed():
    batch = payload("whatsapp_batch")
    del _value_of(batch)["messages"][1]["id"]
    return batch


EXAMPLES = Examples(
    requests=tuple(
        request_of(as_sent(payload(f"whatsapp_{name}"))) for name in _NAMES.split()
    ),
    sign=signed,
    settings={"META_APP_SECRET": SECRET},
    account_id="1060000000777",
    unknown=request_of(as_sent(_unknown())),
    malformed=request_of(as_sent(_malformed())),
    readable=7,
)
