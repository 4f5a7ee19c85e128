"""The products of the providers of chats, and how each tells what happens."""

from collections.abc import Mapping

from sandbox import chatwoot_calls, meta_calls, telegram_calls, twilio_calls
from sandbox.callbacks import Callbacks, Manner

MANNERS: Mapping[str, Manner] = {
    "whatsapp": meta_calls.WHATSAPP,
    "messenger": meta_calls.MESSENGER,
    "instagram": meta_calls.INSTAGRAM,
    "telegram": telegram_calls.TELEGRAM,
    "twilio": twilio_calls.TWILIO,
    "chatwoot": chatwoot_calls.CHATWOOT,
}


def callbacks(seed: int) -> dict[str, Callbacks]:
    """What all of them tell, by product."""
    return {name: Callbacks(manner, seed) for name, manner in MANNERS.items()}
