"""What comes with a Chatwoot message: files, and what is listed among them and is no file."""

from typing import Any
from urllib.parse import unquote, urlsplit

from app.channels.reading import (
    count_of,
    filled,
    number_of,
    objects_of,
    word_of,
)
from app.domain.unified_message import Attachment

_MAX_FILES = 100
_TYPES = {
    "image": "image/jpeg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
}


def read_attachments(
    event: dict[str, Any],
) -> tuple[list[Attachment], dict[str, Any] | None, str]:
    """Return the files in their order, what is no file among them, and how to say that."""
    files: list[Attachment] = []
    structured: dict[str, Any] | None = None
    readable: list[str] = []
    for one in list(objects_of(event.get("attachments")))[:_MAX_FILES]:
        kind, title = word_of(one.get("file_type")), word_of(one.get("fallback_title"))
        url = word_of(one.get("data_url"))
        if kind == "location":
            latitude = number_of(one.get("coordinates_lat"))
            longitude = number_of(one.get("coordinates_long"))
            facts = {"latitude": latitude, "longitude": longitude, "title": title}
            structured = {"type": kind} | filled(facts)
            place = f"{latitude or 0:.6f}, {longitude or 0:.6f}"
            readable.append(f"Location: {', '.join(filter(None, (title, place)))}")
        elif kind in ("contact", "fallback"):
            structured = {"type": kind} | filled({"title": title, "url": url})
            readable.append(": ".join(filter(None, (kind.capitalize(), title, url))))
        else:
            files.append(
                Attachment(
                    name=unquote(_path(url).rpartition("/")[2])[-200:] or None,
                    content_type=_TYPES.get(kind),
                    size=count_of(one.get("file_size")),
                    url=url or None,
                )
            )
    return files, structured, "\n".join(readable)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def read_choices(
    event: dict[str, Any], attributes: dict[str, Any]
) -> dict[str, Any] | None:
    """Return what was offered to choose from or fill in."""
    listed = list(objects_of(attributes.get("items")))[:_MAX_FILES]
    if not listed:
        return None
    return {"type": word_of(event.get("content_type")), "items": listed}
