"""Encrypts credentials at rest.

AES-GCM with workspace and account as associated data, so that a row copied to another account
does not decrypt. The first four bytes name the key, so that keys can be rotated.
"""

import hashlib
import json
import os
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import ConfigurationError

_NONCE_BYTES = 12
_KEY_ID_BYTES = 4


class Vault:
    """Seals and opens with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._key_id = hashlib.sha256(b"key id:" + key).digest()[:_KEY_ID_BYTES]

    def seal(
        self, credentials: dict[str, Any], *, workspace_id: UUID, config_id: UUID
    ) -> bytes:
        """Encrypt the credentials of an account."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(
            nonce, json.dumps(credentials).encode(), _context(workspace_id, config_id)
        )
        return self._key_id + nonce + sealed

    def open(
        self, sealed: bytes, *, workspace_id: UUID, config_id: UUID
    ) -> dict[str, Any]:
        """Decrypt the credentials of an account.

        Raises ConfigurationError where they were sealed with another key.
        """
        key_id, rest = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:]
        try:
            if key_id != self._key_id:
                raise InvalidTag
            plain = self._cipher.decrypt(
                rest[:_NONCE_BYTES],
                rest[_NONCE_BYTES:],
                _context(workspace_id, config_id),
            )
        except (InvalidTag, ValueError):  # the latter where the row was cut short
            raise ConfigurationError(
                f"the credentials of account {config_id} were sealed with another "
                "BB_SECRET_KEY; restore that key or enter them again"
            ) from None
        credentials: dict[str, Any] = json.loads(plain)
        return credentials


def _context(workspace_id: UUID, config_id: UUID) -> bytes:
    return workspace_id.bytes + config_id.bytes
