"""Finds in a text by which ways somebody is sent elsewhere: links, addresses, numbers."""

import re
import unicodedata
from collections.abc import Iterable

from app.domain.identifiers import email_key

_SCHEME = re.compile(r"(?<![a-z0-9])([a-z][a-z0-9+.-]{1,20}):/{1,3}([^\s<>\"]{0,2000})")
_BARE = re.compile(
    r"(?<![\w@.-])((?:[^\W_][\w-]{0,62}\.){1,8}([^\W\d_]{2,24}|xn--[a-z0-9-]{1,59}))"
    r"(?![\w-])(?=([/?:#]?))"
)
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}@[\w.-]{1,255}")
_NUMERIC_HOST = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?=[/:])")
#: Endings that mail programs make links of; those of two letters are all taken for one.
_ENDINGS = frozenset(
    [
        "com",
        "net",
        "org",
        "info",
        "biz",
        "name",
        "pro",
        "app",
        "dev",
        "page",
        "web",
        "site",
        "website",
        "online",
        "store",
        "shop",
        "cloud",
        "tech",
        "space",
        "live",
        "link",
        "click",
        "top",
        "xyz",
        "club",
        "work",
        "world",
        "today",
        "news",
        "blog",
        "agency",
        "support",
        "help",
        "services",
        "media",
        "digital",
        "email",
        "company",
        "group",
        "team",
        "zone",
        "life",
        "art",
        "design",
        "photo",
        "video",
        "games",
        "game",
        "bank",
        "pay",
        "money",
        "finance",
        "loan",
        "win",
        "bid",
        "date",
        "download",
        "stream",
        "review",
        "trade",
        "men",
        "test",
        "example",
        "invalid",
        "local",
        "onion",
        "travel",
        "mobi",
        "asia",
        "jobs",
        "edu",
        "gov",
        "mil",
        "int",
        "aero",
        "coop",
        "museum",
    ]
)
_DATE = re.compile(
    r"(?<!\d)(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\s?\d{1,2}[./-]\s?(?:\d{4}|\d{2}))(?!\d)"
)
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.]\d{2}(?:\s?[-–]\s?\d{1,2}[:.]\d{2})?(?!\d)")
_AMOUNT = re.compile(r"(?<![\d+])\d{1,3}(?:[., '\u00a0]\d{3})*[.,]\d{1,2}(?![\d])")
_PHONE = re.compile(r"(?<![\w.,])(\+?\(?\d(?:[\s()./–-]{0,3}\d){6,19})(?!\w)")
_ACCOUNT = re.compile(
    r"(?<![\w])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)"
)
#: So long is a number that nobody dials and that is no article or order either.
_LONG_NUMBER = 10
_PHONE_GROUPS = 3


def hosts_in(texts: Iterable[str]) -> set[str]:
    """The hosts that texts lead to, whether their links are written out or only named."""
    return {host for text in texts for host in _hosts(plain(text))}


def addresses_in(texts: Iterable[str]) -> set[str]:
    """The keys of the mail addresses in texts."""
    return {
        email_key(found.rstrip(".'"))
        for text in texts
        for found in _ADDRESS.findall(plain(text))
    }


def numbers_in(texts: Iterable[str]) -> set[str]:
    """The telephone and account numbers in texts, without what groups them."""
    return {number for text in texts for number in _numbers(plain(text))}


def host_of(link: str) -> str:
    """The host of a link or address, or the host itself."""
    link = plain(link.strip())
    match = _SCHEME.match(link)
    if match:
        return _netloc(match[2])
    return _netloc(link.rpartition("@")[2])


def number_key(number: str) -> str:
    """A number without what groups it; the two ways to write an international one are equal."""
    number = unicodedata.normalize("NFKC", number).strip()
    key = "".join(one for one in number if one.isalnum()).lower()
    is_international = number.lstrip("(").startswith("+")
    return f"+{key}" if is_international else re.sub(r"^00", "+", key)


def plain(text: str) -> str:
    """In the one form of letters and dots that look alike, in lower case."""
    return unicodedata.normalize("NFKC", text).replace("。", ".").lower()


def _hosts(text: str) -> Iterable[str]:
    for match in _SCHEME.finditer(text):
        yield _netloc(match[2])
    for match in _BARE.finditer(text):
        host, ending, behind = match[1], match[2], match[3]
        if (
            ending in _ENDINGS
            or ending.startswith("xn--")
            or (len(ending) == 2 and len(host) > 4)
            or behind in {"/", "?"}
            or host.startswith("www.")
        ):
            yield host
    yield from _NUMERIC_HOST.findall(text)


def _netloc(rest: str) -> str:
    """What a browser goes to: behind the last `@`, before port, path and query."""
    place = re.split(r"[/?#\\]", rest.lstrip("/"), maxsplit=1)[0]
    host = place.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].strip("().,;!'*_")


def _numbers(text: str) -> Iterable[str]:
    accounts = text.upper()
    for match in _ACCOUNT.finditer(accounts):
        yield number_key(match[0])
    rest = _ACCOUNT.sub(" ", accounts).lower()
    for other in (_DATE, _AMOUNT, _TIME):
        rest = other.sub(" | ", rest)
    for match in _PHONE.finditer(rest):
        number = match[1]
        digits = number_key(number)
        # An order may be called 2026-1042.
        is_grouped = "(" in number or len(re.findall(r"\d+", number)) >= _PHONE_GROUPS
        if is_grouped or digits.startswith(("+", "0")) or len(digits) >= _LONG_NUMBER:
            yield digits
