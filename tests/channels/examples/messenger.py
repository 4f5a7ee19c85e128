from tests.channels.examples import SECRET, Examples
from tests.channels.meta import as_sent, payload, signed
from tests.channels.webhooks import request_of


def _envelope(*elements):
    entry = payload("messenger_events")["entry"][0]
    return request_of(
        as_sent({"object": "page", "entry": [entry | {"messaging": list(elements)}]})
    )


_ELEMENTS = payload("messenger_events")["entry"][0]["messaging"]
_ENDS = {name: _ELEMENTS[0][name] for name in ("sender", "recipient", "timestamp")}

EXAMPLES = Examples(
    requests=(request_of(as_sent(payload("messenger_events"))),),
    sign=signed,
    settings={"META_APP_SECRET": SECRET},
    account_id="10600000000001",
    unknown=_envelope(_ENDS | {"teleport": {"to": "Mars"}}),
    malformed=_envelope(*_ELEMENTS[:3], _ENDS | {"message": {}}),
    readable=3,
)
