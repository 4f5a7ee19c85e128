"""Hand out the files that came with messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from app import store
from app.domain.attachments import picture_type
from app.domain.status import AttachmentState
from app.errors import Conflict, NotFound
from app.models import Attachment
from app.runtime import Runtime


@dataclass(frozen=True)
class OpenFile:
    """A stored file, ready to be read."""

    file: Attachment
    picture_type: str | None
    """The media type of a picture that browsers show safely, by its bytes; None for all else."""
    content: Iterator[bytes]


def open_attachment(
    runtime: Runtime, workspace_id: UUID, message_id: UUID, attachment_id: UUID
) -> OpenFile:
    """Open a file of a message.

    Raises NotFound, Conflict where it is not stored, in words that say why, and StorageAway.
    """
    with runtime.transaction(workspace_id) as tx:
        file = store.attachments.get(tx, message_id, attachment_id)
    if file is None:
        raise NotFound(f"no attachment {attachment_id} of this message")
    if file.state is not AttachmentState.STORED or file.storage_key is None:
        why = f": {file.reason}" if file.reason else ""
        raise Conflict(f"the file is not stored, but {file.state}{why}")
    pieces = runtime.storage.stream(file.storage_key)
    first = next(pieces, b"")
    return OpenFile(file, picture_type(first), chain([first], pieces))
