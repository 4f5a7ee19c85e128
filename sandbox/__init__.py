"""The outside world in one process, for tests, demo and bench: no account, no network.

It plays Aurinko on a real mailbox file, the AI gateway, Anthropic and the embeddings
API, each below its own base URL (`/aurinko`, `/gateway`, `/anthropic`, `/openai`).
Answers follow from the request alone, so a run can be repeated. What goes wrong out
there is scripted through `/_control`.

    server.py      the application, and the HTTP server that carries it
    control.py     /_control: scripts, latency, mailboxes, what was seen
    faults.py      scripted answers, in the order they were asked for
    journal.py     the requests seen
    aurinko.py     mailbox.py knows the mails (mbox.py, threads.py), records.py puts
                   them in Aurinko's shape (parts.py, headers.py)
    gateway.py     chat completions; judge.py decides from words.py
    anthropic.py   messages; drafts.py writes the reply
    embeddings.py  vectors from words

`python -m sandbox --mailbox FILE --owner ADDRESS` prints its address and serves.

It is the outside, so it imports nothing of `app` or `tasks`.
"""
