"""Tiny corpora, written where a test wants them."""

import gzip
import json
from dataclasses import replace

import pytest

from evaluation.pipeline import Doorbell


@pytest.fixture
def write_mbox(tmp_path):
    def write(*mails, name="box.mbox"):
        path = tmp_path / name
        lines = [b"From - Mon Nov  2 09:00:00 2026\n" + one + b"\n" for one in mails]
        path.write_bytes(_packed(name, b"".join(lines)))
        return path

    return write


@pytest.fixture
def write_rows(tmp_path):
    def write(*rows, name="rows.jsonl"):
        path = tmp_path / name
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(_packed(name, lines.encode()))
        return path

    return write


@pytest.fixture
def ringing(runtime):
    """A runtime that keeps the jobs for the evaluation instead of a broker."""
    return replace(runtime, publisher=Doorbell())


def _packed(name, content):
    return gzip.compress(content) if name.endswith(".gz") else content
