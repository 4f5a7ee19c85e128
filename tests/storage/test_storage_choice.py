"""Which storage the settings name."""

import importlib.util
from uuid import UUID

import pytest

from app.config import Settings
from app.errors import ConfigurationError
from app.storage import open_storage
from app.storage.local import LocalFiles

NOBODY = UUID(int=1)


def test_files_stand_in_the_data_directory_unless_told_otherwise(tmp_path):
    told = tmp_path / "elsewhere"

    default = open_storage(Settings(BB_DATA_DIR=tmp_path, BB_STORAGE_URL=None))
    named = open_storage(Settings(BB_DATA_DIR=tmp_path, BB_STORAGE_URL=f"file:{told}"))

    for storage, root in ((default, tmp_path / "files"), (named, told)):
        assert isinstance(storage, LocalFiles)
        assert storage.exists(storage.put(NOBODY, b"x"))
        assert (root / str(NOBODY)).is_dir()


@pytest.mark.skipif(
    importlib.util.find_spec("obstore") is not None, reason="the extra is installed"
)
def test_a_storage_whose_library_is_missing_says_what_to_install():
    with pytest.raises(ConfigurationError, match=r"pip install 'bizzybee\[s3\]'"):
        open_storage(Settings(BB_STORAGE_URL="s3://bucket/prefix"))


@pytest.mark.parametrize("url", ["ftp://x", "s3:///prefix", "file:", "/a/path"])
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(ValueError, match="must begin with file: or s3://"):
        Settings(BB_STORAGE_URL=url)
