"""Mails written for the tests: what is not given is what an ordinary mail has."""

from typing import Any

ORDINARY = {
    "Return-Path": "<anna@example.com>",
    "Message-ID": "<first@mail.example.com>",
    "Date": "Tue, 05 Mar 2024 10:30:00 +0100",
    "From": "Anna Example <anna@example.com>",
    "To": "shop@bizzy.example",
    "Subject": "A question",
}


def mail(body: str | bytes = "Are you open?\n", /, **headers: Any) -> bytes:
    """A mail; `reply_to="..."` adds or changes a header, None leaves it out.

    A list repeats the header; bytes stand as they are.
    """
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    known = {name.lower() for name in given}
    fields = {name: v for name, v in ORDINARY.items() if name.lower() not in known}
    lines = [
        name.encode() + b": " + _bytes(each)
        for name, value in (fields | given).items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
    ]
    return b"\n".join([*lines, b"", _bytes(body)])


def multipart(subtype: str, *parts: str | bytes, **parameters: str) -> bytes:
    """The Content-Type header and the body of a multipart, as one part of another."""
    border = f"border-of-{subtype}-{len(parts)}"
    extra = "".join(
        f'; {name.replace("_", "-")}="{v}"' for name, v in parameters.items()
    )
    head = f'Content-Type: multipart/{subtype}; boundary="{border}"{extra}\n\n'
    delimited = [f"--{border}\n".encode() + _bytes(part) + b"\n" for part in parts]
    return head.encode() + b"".join(delimited) + f"--{border}--\n".encode()


def mail_of(part: bytes, /, **headers: Any) -> bytes:
    """A mail whose body is a part with headers of its own."""
    head, _, _ = mail("", **headers).partition(b"\n\n")
    return head + b"\nMIME-Version: 1.0\n" + part


def text_part(text: str, kind: str = "plain", charset: str = "utf-8") -> bytes:
    return f"Content-Type: text/{kind}; charset={charset}\n\n".encode() + text.encode(
        charset
    )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
