"""Message-IDs as keys: brackets, blanks and the remarks around them taken off."""

import hashlib
import re

#: Of what one header may hold; a longer chain keeps its first and its last ones.
MAX_IDS = 500
_LONGEST = 900

_BRACKETED = re.compile(r"<([^<>]*)>")
_TOKEN = re.compile(r"<([^<>]*)>|([^\s<>,;\"()]+)")
_ASIDE = re.compile(r'"[^"]*"|\([^()]*\)|<[^<>]*>|[<>,;]')
#: "Message from Anna <anna@example.com>": in brackets stands her address, no id.
_FROM_SOMEBODY = re.compile(r"\bmessage\s+from\b(?!.*\b(?:of|on)\b)", re.IGNORECASE)


def message_id(value: str) -> str | None:
    """Return the id in a Message-ID header, or None where it holds none."""
    bracketed = _BRACKETED.search(value)
    if bracketed:
        return _normal(bracketed[1])
    words = value.strip("<> \t").split(maxsplit=1)
    return _normal(words[0]) if words else None


def message_ids(value: str) -> list[str]:
    """Return the ids in an In-Reply-To or References header, in order, each once.

    Old mailers wrote sentences there: in those only what stands in brackets counts,
    and not the sender's address.
    """
    is_sentence = any("@" not in word for word in _ASIDE.sub(" ", value).split())
    found: dict[str, None] = {}
    at = 0
    for match in _TOKEN.finditer(value):
        bracketed, bare = match.groups()
        if bracketed is not None:
            text = "" if _FROM_SOMEBODY.search(value[at : match.start()]) else bracketed
            at = match.end()
        else:
            text = "" if is_sentence or "@" not in bare else bare
        if normal := _normal(text):
            found[normal] = None
    ids = list(found)
    return ids if len(ids) <= MAX_IDS else [ids[0], *ids[1 - MAX_IDS :]]


def _normal(text: str) -> str | None:
    key = "".join(text.split())
    if len(key) > _LONGEST:
        return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}@bizzybee.invalid"
    return key or None
