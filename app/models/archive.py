"""What was moved out of the database and can be brought back."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import ArchiveKind
from app.models.base import Base, InWorkspace, UUIDKey


class Archive(InWorkspace, Base):
    """A file of JSON lines, one for each archived row, compressed with gzip."""

    __tablename__ = "archives"
    __table_args__ = (UniqueConstraint("workspace_id", "storage_key"),)

    id: Mapped[UUIDKey]
    kind: Mapped[ArchiveKind]
    storage_key: Mapped[str]
    sha256: Mapped[str]
    """Of the file as it is stored."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of the file as it is stored."""
    count: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime]
    """When the earliest of what it holds was received."""
    last_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    restored_at: Mapped[datetime | None]
    """When its rows were last brought back; they stay for as long as new ones do."""
