"""The files that came with messages."""

from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.domain.status import Scope
from app.http.auth import needs
from app.http.context import runtime, workspace_id
from app.http.files import file_answer
from app.http.openapi import problems
from app.services.attachments import open_attachment

attachments = APIBlueprint(
    "attachments",
    __name__,
    url_prefix="/api/v1/messages",
    abp_tags=[{"name": "conversations"}],
)

_BYTES = {"schema": {"type": "string", "format": "binary"}}


class AttachmentPath(BaseModel):
    message_id: UUID
    attachment_id: UUID


@attachments.get(
    "/<uuid:message_id>/attachments/<uuid:attachment_id>",
    responses={
        "200": {
            "description": "The file, byte for byte",
            "content": {"application/octet-stream": _BYTES, "image/*": _BYTES},
        },
        **problems(404, 409),
    },
)
@needs(Scope.READ)
def get_attachment(path: AttachmentPath) -> Response:
    """A file of a message; 409 where it is not stored, with the state and the reason."""
    return file_answer(
        open_attachment(runtime(), workspace_id(), path.message_id, path.attachment_id)
    )
