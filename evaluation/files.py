"""How many files came with a mail, by a reading that is not ours: the standard library's."""

import email
from email.message import Message

#: Its parser takes minutes on hostile nesting.
_LARGEST = 4 * 1024 * 1024
_MOST_BOUNDARIES = 500


def files_of(raw: bytes) -> int | None:
    """Count the parts that no reader could take for the text; None where the library is no help.

    An attached message counts once, whatever is in it.
    """
    if len(raw) > _LARGEST or raw.count(b"\n--") > _MOST_BOUNDARIES:
        return None
    try:
        leaves = _leaves(email.message_from_bytes(raw))
        return sum(_is_file(leaf, is_first=not at) for at, leaf in enumerate(leaves))
    except Exception:  # noqa: BLE001 — it stumbles over odd parameters, and that is not our fault
        return None


def _leaves(part: Message) -> list[Message]:
    payload = part.get_payload()
    if part.get_content_maintype() == "multipart" and isinstance(payload, list):
        return [
            leaf
            for inner in payload
            if isinstance(inner, Message)
            for leaf in _leaves(inner)
        ]
    return [part]


def _is_file(leaf: Message, *, is_first: bool) -> bool:
    kind = leaf.get_content_maintype()
    if kind == "multipart":  # its boundary is nowhere: the rest of it is text
        return False
    if kind != "text":
        return True
    is_named = leaf.get_filename() is not None
    return is_named and not is_first and leaf.get_content_disposition() == "attachment"
