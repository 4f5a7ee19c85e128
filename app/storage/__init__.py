"""Where files are kept: one port, a local directory or anything that speaks S3 behind it.

No stage hands a file to another on a disk of its own: processes may run on many machines.
"""

from pathlib import Path

from app.config import Settings
from app.storage.base import Storage
from app.storage.local import LocalFiles

__all__ = ["Storage", "open_storage"]


def open_storage(settings: Settings) -> Storage:
    """The storage that the settings name; files below the data directory where they name none.

    Raises ConfigurationError where it needs a library that is not installed.
    """
    url = settings.storage_url
    if url is None:
        return LocalFiles(settings.data_dir / "files")
    if url.startswith("s3://"):
        # Its library is an extra that most do without.
        from app.storage.s3 import S3Files

        return S3Files(url)
    return LocalFiles(Path(url.removeprefix("file:")))
