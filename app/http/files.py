"""Files as answers: for the reader's disk, and nothing that a browser would open as a page."""

from urllib.parse import quote

from flask import Response

from app.domain.printable import plain
from app.services.attachments import OpenFile

_MAX_NAME = 150


def file_answer(opened: OpenFile) -> Response:
    """A stored file. Only what is a picture by its bytes may be shown in place."""
    name = _name(opened)
    fallback = name.encode("ascii", "replace").decode().replace("?", "_")
    fallback = fallback.replace('"', "_").replace("\\", "_")
    where = "inline" if opened.picture_type else "attachment"
    return Response(
        opened.content,
        # What its sender calls it might be a page to a browser.
        content_type=opened.picture_type or "application/octet-stream",
        headers={
            "Content-Disposition": f'{where}; filename="{fallback}"; '
            f"filename*=UTF-8''{quote(name, safe='')}",
            "Content-Length": str(opened.file.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _name(opened: OpenFile) -> str:
    file = opened.file
    name = plain(file.name).replace("/", "_").replace("\\", "_")
    if file.inner is not None:
        name = (name or plain(file.inner.get("subject")) or "message")[:_MAX_NAME]
        name = name.replace("/", "_").replace("\\", "_")
        return name if name.lower().endswith(".eml") else f"{name}.eml"
    # The end of a name is what tells people and programs what it is.
    return name[-_MAX_NAME:] or "file"
