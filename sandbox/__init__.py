"""The outside world in one process, for tests, demo and bench: no account, no network.

It plays Aurinko on a real mailbox file whose mails may come, go and change, the AI
gateway, Anthropic and the embeddings API, each below its own base URL (`/aurinko`,
`/gateway`, `/anthropic`, `/openai`). Answers follow from the requests alone, so a run can
be repeated. What happens and goes wrong out there is scripted through `/_control`.

    server.py      the application, and the HTTP server that carries it
    world.py       what the application knows
    control.py     /_control: scripts, latency, mailboxes, what was seen; its parts are
                   control_mailboxes.py and control_webhooks.py
    faults.py      scripted answers, in the order they were asked for
    journal.py     the requests seen; sends.py the mails accepted
    aurinko.py     the routes, in aurinko_account.py, _messages, _sync, _sending and
                   _subscriptions
                   mailbox.py knows the mails and what became of them (entries.py,
                   changes.py, mbox.py, threads.py), records.py puts them in Aurinko's shape
                   (parts.py, headers.py), letters.py writes what is sent
                   notifications.py says what changed, courier.py delivers it
    gateway.py     chat completions; judge.py decides from words.py
    anthropic.py   messages; drafts.py writes the reply
    embeddings.py  vectors from words

`python -m sandbox --mailbox FILE --owner ADDRESS` prints its address and serves;
`docs/sandbox.md` shows how to direct it.

It is the outside, so it imports nothing of `app` or `tasks`.
"""
