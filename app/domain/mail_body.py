"""What the sender wrote and what came along, out of the tree of parts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from mimetypes import guess_type

from app.domain.html_text import text_of_html
from app.domain.mail_parts import Part
from app.domain.tnef import Unpacked, is_wrapped, unpack
from app.domain.unified_message import MAX_TEXT, Attachment

#: An empty text would say that there was nothing to read.
ENCRYPTED = "[encrypted message]"
SEALED = "[signed message, its text is inside the signature]"

_PLAIN = frozenset({"text/plain", "text/enriched", "text/richtext"})
_HTML = "text/html"
#: Forms of the body for single readers; whoever can show them can show the others.
_UNUSED = frozenset({"text/x-amp-html", "text/watch-html"})
_PKCS7 = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_PGP_MESSAGE = "-----BEGIN PGP MESSAGE-----"
_PGP_MESSAGE_END = "-----END PGP MESSAGE-----"
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"


@dataclass
class Body:
    """The readable body, and the parts that came along with it."""

    text: str | None = None
    html: str | None = None
    attached: list[Part] = field(default_factory=list)
    is_signed: bool = False
    is_encrypted: bool = False
    is_truncated: bool = False
    unpacked: dict[str, Unpacked] = field(default_factory=dict)
    """What stands in Outlook's wrappings, by the place of each."""

    @cached_property
    def files(self) -> list[tuple[str, Attachment]]:
        """What came along, each with its place. `size` counts decoded bytes."""
        return [file for part in self.attached for file in self._files_of(part)]

    def _files_of(self, part: Part) -> Iterator[tuple[str, Attachment]]:
        yield (
            part.place,
            Attachment(
                name=part.filename,
                content_type=part.content_type,
                size=len(part.content()),
                content_id=part.content_id,
            ),
        )
        inner = self.unpacked[part.place].files if part.place in self.unpacked else []
        for number, file in enumerate(inner, 1):
            yield (
                f"{part.place}/{number}",
                Attachment(
                    name=file.name,
                    content_type=file.content_type or guess_type(file.name or "")[0],
                    size=len(file.content),
                    content_id=file.content_id,
                ),
            )


@dataclass
class _Block:
    """One stretch of the body, in one form or in both."""

    text: str | None = None
    html: str | None = None

    def readable(self) -> str:
        if self.text is not None and self.text.strip():
            return self.text
        return text_of_html(self.html) if self.html is not None else ""


def read_body(root: Part) -> Body:
    """Tell the body from the attachments. Never raises."""
    body = Body()
    blocks = _blocks(root, body)
    if not any(block.text or block.html for block in blocks):
        # Only then: else the same text would stand there twice.
        blocks += [_Block(one.text, one.html) for one in body.unpacked.values()]
    htmls = [block.html for block in blocks if block.html is not None]
    body.html = _cut("\n".join(htmls), body) if htmls else None
    texts: list[str] = []
    left = MAX_TEXT
    for block in blocks:
        if left <= 0:
            body.is_truncated = True
            break
        texts.append(block.readable().strip("\n").rstrip())
        left -= max(len(texts[-1]), len(block.html or ""))
    text = _cut("\n".join(texts), body)
    body.text = _without_ciphertext(text, body) if text.strip() else None
    return body


def _blocks(part: Part, body: Body) -> list[_Block]:
    match part.content_type:
        case "multipart/alternative":
            return [_best_of([_blocks(child, body) for child in part.children])]
        case "multipart/signed":
            body.is_signed = True
            blocks = _blocks(part.children[0], body) if part.children else []
            for signature in part.children[1:]:
                body.attached += signature.leaves()
            return blocks
        case "multipart/encrypted":
            body.is_encrypted = True
            body.attached += part.leaves()
            return [_Block(text=ENCRYPTED)]
    if part.children:
        return [block for child in part.children for block in _blocks(child, body)]
    return _leaf(part, body)


def _best_of(alternatives: list[list[_Block]]) -> _Block:
    """Take the first text there is and the first HTML there is."""
    best = _Block()
    for blocks in alternatives:
        text = "\n".join(block.text for block in blocks if block.text)
        html = "\n".join(block.html for block in blocks if block.html)
        if text.strip() and best.text is None:
            best.text = text
        if html.strip() and best.html is None:
            best.html = html
    return best


def _leaf(part: Part, body: Body) -> list[_Block]:
    if part.content_type in _PKCS7:
        return _sealed(part, body)
    if part.content_type in _PLAIN and _is_written(part):
        return [_Block(text=part.text(MAX_TEXT + 1))]
    if part.content_type == _HTML and _is_written(part):
        return [_Block(html=part.text(MAX_TEXT + 1))]
    if part.content_type not in _UNUSED:
        body.attached.append(part)
        wraps = is_wrapped(part.filename, part.content_type)
        if wraps and (unpacked := unpack(part.content())):
            body.unpacked[part.place] = unpacked
    return []


def _sealed(part: Part, body: Body) -> list[_Block]:
    body.attached.append(part)
    kind = part.parameters.get("smime-type", "").lower()
    if kind == "certs-only":
        return []
    if kind == "signed-data":
        body.is_signed = True
        return [_Block(text=SEALED)]
    body.is_encrypted = True
    return [_Block(text=ENCRYPTED)]


def _is_written(part: Part) -> bool:
    """Whether a text part was written as the message and not attached to it."""
    # Some mailers name the body, others call it an attachment; none does both.
    if part.disposition[0] == "attachment":
        return part.filename is None and part.is_first
    return part.filename is None or part.is_first


def _cut(text: str, body: Body) -> str:
    if len(text) > MAX_TEXT:
        body.is_truncated = True
    return text[:MAX_TEXT]


def _without_ciphertext(text: str, body: Body) -> str:
    body.is_signed |= _PGP_SIGNED in text
    start = text.find(_PGP_MESSAGE)
    if start < 0:
        return text
    body.is_encrypted = True
    end = text.find(_PGP_MESSAGE_END, start)
    rest = text[end + len(_PGP_MESSAGE_END) :] if end >= 0 else ""
    return text[:start] + ENCRYPTED + rest
