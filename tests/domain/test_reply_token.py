"""Our signature on a conversation."""

from uuid import uuid4

import pytest

from app.domain import reply_token

SECRET = b"s" * 32


@pytest.mark.shows("D1")
def test_a_token_names_its_conversation():
    key, conversation = reply_token.workspace_key(SECRET, uuid4()), uuid4()

    token = reply_token.make(key, conversation)

    assert reply_token.verify(key, token) == conversation
    assert reply_token.verify(key, token.upper()) == conversation
    address = reply_token.plus_address(token, "shop@shop.example")
    assert address == f"shop+{token}@shop.example"
    assert len(address.partition("@")[0]) <= 64
    assert reply_token.conversations_in(key, address) == [conversation]
    assert reply_token.conversations_in(key, f"<1.{token}@x>") == [conversation]


@pytest.mark.shows("D2", "D3")
def test_nobody_else_can_make_one():
    workspace, conversation = uuid4(), uuid4()
    key = reply_token.workspace_key(SECRET, workspace)
    token = reply_token.make(key, conversation)
    other = "a" if token[-1] != "a" else "e"

    refused = [
        reply_token.verify(reply_token.workspace_key(SECRET, uuid4()), token),
        reply_token.verify(reply_token.workspace_key(b"t" * 32, workspace), token),
        reply_token.verify(key, token[:-1] + other),
        reply_token.verify(key, token[:-1]),
        reply_token.verify(key, token + "a"),
        reply_token.verify(key, ""),
    ]

    assert refused == [None] * 6


def test_only_so_many_tokens_are_looked_at():
    key = reply_token.workspace_key(SECRET, uuid4())
    tokens = " ".join(reply_token.make(key, uuid4()) for _ in range(1_000))

    assert len(reply_token.conversations_in(key, tokens)) == 8
