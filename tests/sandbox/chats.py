"""How each provider of chats is sent to, for tests that hold for all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PHONE, PAGE, INSTAGRAM = "1060000000777", "10600000000001", "17840000000001"
BOT, SID, HELPDESK = "4400000001", "AC00000000000000000000000000000001", "3"
#: Somebody who writes, by product.
ANNA = {
    "whatsapp": "46700000001",
    "messenger": "7300000000000011",
    "instagram": "8300000000000011",
    "telegram": "5500000001",
    "twilio": "+46700000001",
    "chatwoot": "anna",
}


@dataclass(frozen=True)
class Way:
    """One way to send."""

    product: str
    provider: str
    account: str
    path: str
    body: Callable[[str, str], dict[str, Any]]
    """For a person and a text."""
    id_of: Callable[[dict[str, Any]], str]
    longest: int
    status: int = 200

    def send(
        self, sandbox, text="Yes, in blue.", *, person=None, token="sandbox-1", **more
    ):
        """Send to Anna, whoever that is there."""
        body = self.body(person or ANNA[self.product], text) | more
        path = self.path.replace("TOKEN", token)
        options: dict[str, Any] = {"timeout": 5}
        if self.product == "twilio":
            options |= {"data": body, "auth": (SID, token)}
        elif self.product == "chatwoot":
            options |= {"json": body, "headers": {"api_access_token": token}}
        else:
            bearer = {"Authorization": f"Bearer {token}"}
            options |= {"json": body, "headers": bearer}
        return sandbox.session.post(f"{sandbox.url}/{self.provider}{path}", **options)

    def connect(self, sandbox, **settings):
        """The account, as one that is connected."""
        return sandbox.control(
            f"chats/{self.product}", {"id": self.account, **settings}
        )

    def inbound(self, sandbox, text="Do you have size 42?", *, hours_ago=0.0, **more):
        """Let Anna write."""
        asked = {"from": ANNA[self.product], "text": text, "name": "Anna Berg"}
        if hours_ago:
            asked["at"] = time.time() - hours_ago * 3600
        path = f"chats/{self.product}/{self.account}/inbound"
        return sandbox.control(path, asked | more)


def _messaging(person, text):
    message = {"text": text, "metadata": "out:8841"}
    return {
        "recipient": {"id": person},
        "messaging_type": "RESPONSE",
        "message": message,
    }


WAYS = {
    way.product: way
    for way in (
        Way(
            product="whatsapp",
            provider="meta",
            account=PHONE,
            path=f"/v25.0/{PHONE}/messages",
            body=lambda person, text: {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": person,
                "type": "text",
                "text": {"body": text},
                "biz_opaque_callback_data": "out:8841",
            },
            id_of=lambda answer: answer["messages"][0]["id"],
            longest=4096,
        ),
        Way(
            product="messenger",
            provider="meta",
            account=PAGE,
            path=f"/v25.0/{PAGE}/messages",
            body=_messaging,
            id_of=lambda answer: answer["message_id"],
            longest=2000,
        ),
        Way(
            product="instagram",
            provider="meta",
            account=INSTAGRAM,
            path=f"/v25.0/{INSTAGRAM}/messages",
            body=_messaging,
            id_of=lambda answer: answer["message_id"],
            longest=1000,
        ),
        Way(
            product="telegram",
            provider="telegram",
            account=BOT,
            path=f"/bot{BOT}:TOKEN/sendMessage",
            body=lambda person, text: {"chat_id": int(person), "text": text},
            id_of=lambda answer: str(answer["result"]["message_id"]),
            longest=4096,
        ),
        Way(
            product="twilio",
            provider="twilio",
            account=SID,
            path=f"/2010-04-01/Accounts/{SID}/Messages.json",
            body=lambda person, text: {
                "To": person,
                "From": "+46850000001",
                "Body": text,
            },
            id_of=lambda answer: answer["sid"],
            longest=1600,
            status=201,
        ),
        Way(
            product="chatwoot",
            provider="chatwoot",
            account=HELPDESK,
            path=f"/api/v1/accounts/{HELPDESK}/conversations/1/messages",
            body=lambda person, text: {"content": text, "message_type": "outgoing"},
            id_of=lambda answer: str(answer["id"]),
            longest=150_000,
        ),
    )
}
