"""When two identifiers mean the same person: keys to look up by, never to send to."""

import re
import unicodedata
from functools import lru_cache

import phonenumbers

#: Of these the same value is the same person wherever it turns up. Everything else (a
#: page-scoped id, a chat id) is only unique within the account that it came through.
_GLOBAL = frozenset({"email", "phone"})
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
#: A form of a number and what stands for it in another: area and subscriber stay the same.
_ALIASES = tuple(
    (re.compile(pattern, re.ASCII), other)
    for pattern, other in (
        (r"\+55(\d\d)9([6-9]\d{7})", r"+55\1\2"),
        (r"\+55(\d\d)([6-9]\d{7})", r"+55\g<1>9\2"),
        (r"\+521(\d{10})", r"+52\1"),
        (r"\+52(\d{10})", r"+521\1"),
        (r"\+549(\d{10})", r"+54\1"),
        (r"\+54(\d{10})", r"+549\1"),
    )
)


def is_global(kind: str) -> bool:
    """Whether an identifier of this kind names the same person in every account."""
    return kind in _GLOBAL


def identity_key(kind: str, value: str) -> str:
    """Return the form by which an identifier is looked up; the original is kept.

    Never raises: what cannot be normalised is its own key.
    """
    if kind == "email":
        return email_key(value)
    if kind == "phone":
        return _phone_key(value.strip())
    return value.strip()


@lru_cache(maxsize=4096)
def email_key(address: str) -> str:
    """Return the form in which two addresses of the same mailbox are equal.

    Only Gmail is known to ignore dots and what follows a plus. Elsewhere the rule would
    show one customer's conversation to another. Never raises.
    """
    local, at, domain = address.strip().lower().rpartition("@")
    local = unicodedata.normalize("NFC", local)
    domain = _readable_domain(domain) if at else unicodedata.normalize("NFC", domain)
    if domain in _GMAIL:
        # Without a name before the plus nothing would tell such addresses apart.
        local = local.split("+", 1)[0].replace(".", "") or local
        domain = "gmail.com"
    return f"{local}{at}{domain}"


def _readable_domain(domain: str) -> str:
    """Write an internationalised domain with its own letters, whatever form it has."""
    labels = _normal(domain).split(".")
    return ".".join(_readable_label(label) for label in labels).strip(".")


def _readable_label(label: str) -> str:
    # DNS labels end at 63; decoding longer ones takes time that grows with the square.
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        readable = label[4:].encode().decode("punycode")
        # Only what comes back the same: "xn--gmail-" is nobody's way to write "gmail".
        is_exact = readable.encode("punycode").decode() == label[4:]
    except UnicodeError:
        return label
    if not is_exact or readable.isascii() or not readable.isprintable():
        return label
    return readable if readable == _normal(readable) else label


def _normal(domain: str) -> str:
    lowered = unicodedata.normalize("NFKC", domain).lower()
    return unicodedata.normalize("NFKC", lowered).replace("。", ".")


def _phone_key(value: str) -> str:
    # A number without its country code is never guessed to be of some country.
    if not value.startswith("+") or len(value) > 50:
        return value
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return value
    if number.extension:
        # Behind one switchboard there are many people.
        return value
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_aliases(number: str) -> list[str]:
    """Return the forms under which providers know one phone in E.164, the given one first.

    Brazil put a nine before its mobile numbers, Mexico dropped a one and Argentina writes a nine, and
    networks still know the others. To look up by, never to send to.
    """
    for pattern, other in _ALIASES:
        if pattern.fullmatch(number):
            return [number, pattern.sub(other, number)]
    return [number]
