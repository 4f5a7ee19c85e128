"""What is known of an attached file: which are wanted, which are dangerous, which are pictures."""

import re
from urllib.parse import unquote

from app.domain import tnef
from app.domain.mail_headers import read_headers
from app.domain.mail_people import sender_of
from app.domain.scrub import scrub_text

#: More in one message are counted and not kept one by one.
MAX_FILES = 1_000

#: What Windows, macOS or a browser runs when it is opened, and documents with programs in them.
_RUNNABLE = """
    ade adp apk app appx bat cab chm cmd com cpl dll dmg exe hta inf ins iso jar jnlp js jse lib lnk
    msc msi msix msp mst pif ps1 reg scr sct sh svg sys url vb vbe vbs vhd vxd wsc wsf wsh xll
"""
_WITH_MACROS = "docm dotm pptm potm ppam ppsm xlsm xltm xlam xlsb"
_WARNINGS = {
    **dict.fromkeys(_RUNNABLE.split(), "opening it may run a program"),
    **dict.fromkeys(_WITH_MACROS.split(), "it may contain macros, which are programs"),
}
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_CID = re.compile(r"""\bcid:([^"'\s<>)]{1,600})""", re.IGNORECASE)
#: Of the head of an attached message; nobody's name is longer.
_MAX_FACT = 500


def is_refused(
    kinds: frozenset[str], name: str | None, content_type: str | None
) -> bool:
    """Whether a file is of one of these kinds (extensions without their dot, or media types)."""
    return _extension(name) in kinds or (content_type or "").lower() in kinds


def read_kinds(listed: str) -> frozenset[str]:
    """Kinds as a setting lists them: `exe, .js, application/zip`."""
    kinds = (kind.strip().lower().lstrip(".") for kind in listed.split(","))
    return frozenset(kind for kind in kinds if kind)


def warning_of(name: str | None, content: bytes) -> str | None:
    """What to beware of before opening a file; None where there is nothing special."""
    if content.startswith(_PROGRAMS):
        return _WARNINGS["exe"]
    if content.startswith(tnef.MARK):
        return "it is Outlook's own wrapping of a message, which other programs cannot open"
    return _WARNINGS.get(_extension(name))


def picture_type(beginning: bytes) -> str | None:
    """The media type of a picture that every browser shows safely, told from its first bytes."""
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "image/webp"
    for mark, media_type in _PICTURES:
        if beginning.startswith(mark):
            return media_type
    return None


def is_single_pixel(beginning: bytes) -> bool:
    """Whether a picture is a single point: there to tell its sender that it was opened."""
    match picture_type(beginning):
        case "image/gif":
            return beginning[6:10] == b"\x01\x00\x01\x00"
        case "image/png":
            return beginning[16:24] == b"\x00\x00\x00\x01\x00\x00\x00\x01"
    return False


def referenced_ids(html: str | None) -> frozenset[str]:
    """The Content-IDs that an HTML body shows as part of itself."""
    return frozenset(unquote(found) for found in _CID.findall(html or ""))


def inner_message(content: bytes) -> dict[str, str]:
    """Who wrote an attached message, and about what; only what is there has a key."""
    headers, _ = read_headers(content, 0, len(content))
    sender = sender_of(headers)
    found = {
        "sender": sender.value,
        "sender_name": sender.name,
        "subject": headers.first("subject"),
        "date": headers.first("date"),
    }
    return {
        name: scrub_text(value)[:_MAX_FACT] for name, value in found.items() if value
    }


def _extension(name: str | None) -> str:
    # Windows drops dots and blanks from the end, and what follows a colon.
    bare = (name or "").partition(":")[0].rstrip(". ")
    return bare.rpartition(".")[2].lower() if "." in bare else ""
