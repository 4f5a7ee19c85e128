"""What tiny corpora are made of."""

import base64

from sqlalchemy import create_engine, text


def mail(message_id=None, *, text="Hello", sender="anna@example.com", **headers):
    """A mail; `in_reply_to="a@x"` and others become headers."""
    known = {
        "From": sender,
        "To": "shop@shop.example",
        "Subject": "A question",
        "Date": "Mon, 02 Nov 2026 09:00:00 +0000",
        "Message-ID": f"<{message_id}>" if message_id else None,
    }
    known |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in known.items() if value is not None]
    return "\n".join([*lines, "", text, ""]).encode()


def reply(message_id, *parents, **headers):
    """A mail that names its ancestors, the nearest last."""
    named = " ".join(f"<{parent}>" for parent in parents)
    return mail(message_id, references=named, subject="Re: A question", **headers)


def labelled(label, raw, **fields):
    """A row of a labelled corpus."""
    return {"label": label, "raw": base64.b64encode(raw).decode(), **fields}


def exists(url, database):
    """Whether a server has a database of this name."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            found = connection.scalar(
                text("SELECT 1 FROM pg_database WHERE datname = :name"),
                {"name": database},
            )
    finally:
        engine.dispose()
    return found is not None
