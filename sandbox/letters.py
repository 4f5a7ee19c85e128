"""Writes the mail that a send asks for, as a mail server would have it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from sandbox import wire
from sandbox.parts import BodyType

#: Not folded: the library would put ids that are longer than a line in encoded words.
_UNFOLDED = SMTP.clone(max_line_length=0)


class Unsendable(ValueError):
    """What is asked for is no mail."""


class _Asked(BaseModel):
    # What is not known is ignored, such as tracking, which the sandbox does not have.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Person(_Asked):
    """A sender or recipient."""

    name: str = ""
    address: Annotated[str, StringConstraints(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]

    def written(self) -> str:
        """As it stands in a header."""
        return formataddr((self.name, self.address))


class XHeader(_Asked):
    """A header of the sender's own; providers take no others."""

    name: Annotated[str, StringConstraints(pattern=r"^[Xx]-[\w-]+$")]
    value: str


class ListHeader(_Asked):
    """A header of mailing lists."""

    name: Annotated[str, StringConstraints(pattern=r"^[Ll]ist-[\w-]+$")]
    value: str


class File(_Asked):
    """An attachment."""

    name: str = "unnamed"
    mime_type: str = "application/octet-stream"
    inline: bool = False
    content_id: str | None = None
    content: Annotated[bytes, PlainValidator(wire.base64_bytes)]


class Letter(_Asked):
    """What a client wants to send."""

    from_: Annotated[Person | None, Field(alias="from")] = None
    subject: str = ""
    body: str = ""
    to: Sequence[Person] = ()
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    reply_to: Sequence[Person] = ()
    in_reply_to: str = ""
    references: str = ""
    x_headers: Sequence[XHeader] = ()
    list_headers: Sequence[ListHeader] = ()
    attachments: Sequence[File] = ()

    @classmethod
    def read(cls, asked: Mapping[str, Any]) -> Self:
        """Raises `Unsendable` for what a provider would not take."""
        try:
            return cls.model_validate({k: v for k, v in asked.items() if v is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Unsendable(f"{where}: {first['msg']}") from error

    def recipients(self) -> list[str]:
        """All the addresses it goes to."""
        return [person.address for person in (*self.to, *self.cc, *self.bcc)]

    def written(
        self, owner: str, *, message_id: str, moment: int, body_type: BodyType
    ) -> bytes:
        """The mail; the same whenever it is asked for. Raises `Unsendable`."""
        if not self.recipients():
            raise Unsendable("to: nobody to send it to")
        sender = self.from_ or Person(address=owner)
        fields = {
            "From": sender.written(),
            "To": _people(self.to),
            "Cc": _people(self.cc),
            "Bcc": _people(self.bcc),
            "Reply-To": _people(self.reply_to),
            "Subject": self.subject,
            "Date": format_datetime(datetime.fromtimestamp(moment, UTC)),
            "Message-ID": message_id,
            "In-Reply-To": self.in_reply_to,
            "References": self.references,
        }
        message = EmailMessage(policy=SMTP)
        try:
            for name, value in fields.items():
                if value:
                    message[name] = value
            own: Sequence[XHeader | ListHeader] = (*self.x_headers, *self.list_headers)
            for header in own:
                message[header.name] = header.value
            subtype = "html" if body_type == "html" else "plain"
            message.set_content(self.body, subtype=subtype)
            for file in self.attachments:
                _attach(message, file)
            if self.attachments:
                # The library's own boundary is another each time.
                message.set_boundary(f"=_{message_id.strip('<>').partition('@')[0]}")
            return message.as_bytes(policy=_UNFOLDED)
        except (MessageError, ValueError, LookupError) as error:
            raise Unsendable(f"not a mail: {error}") from error


def _people(people: Sequence[Person]) -> str:
    return ", ".join(person.written() for person in people)


def _attach(message: EmailMessage, file: File) -> None:
    maintype, _, subtype = file.mime_type.partition("/")
    message.add_attachment(
        file.content,
        maintype=maintype,
        subtype=subtype or "octet-stream",
        filename=file.name,
        disposition="inline" if file.inline else "attachment",
        cid=f"<{file.content_id}>" if file.content_id else None,
    )
