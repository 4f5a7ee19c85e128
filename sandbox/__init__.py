"""The outside world in one process, for tests, demo and bench: no account, no network.

It plays Aurinko on a real mailbox file whose mails may come, go and change, the AI
gateway, Anthropic and the embeddings API, and the providers of chats in both directions,
each below its own base URL (`/aurinko`, `/gateway`, `/anthropic`, `/openai`, `/meta`,
`/telegram`, `/twilio`, `/chatwoot`). Answers follow from the requests alone, so a run can
be repeated. What happens and goes wrong out there is scripted through `/_control`.

    server.py      the application, and the HTTP server that carries it
    world.py       what the application knows
    control.py     /_control: scripts, latency, mailboxes, what was seen; its parts are
                   control_mailboxes.py, control_webhooks.py and control_chats.py
    faults.py      scripted answers, in the order they were asked for
    journal.py     the requests seen; sends.py what was accepted for sending
    aurinko.py     the routes, in aurinko_account.py, _messages, _sync, _sending and
                   _subscriptions
                   mailbox.py knows the mails and what became of them (entries.py,
                   changes.py, mbox.py, threads.py), records.py puts them in Aurinko's shape
                   (parts.py, headers.py), letters.py writes what is sent
                   notifications.py says what changed, courier.py delivers it to whom
                   destinations.py describes
    meta.py        the Graph API, in meta_access.py, _sending, _reading and
                   whatsapp_sending.py
    telegram.py    in telegram_access.py, _sending, _receiving; updates.py keeps what waits
    twilio.py      in twilio_access.py, _messages, _files; twilio_call.py has the calls
    chatwoot.py    in chatwoot_access.py, _messages
                   chats.py knows what was said, chat_settings.py how an account behaves,
                   chat_sending.py accepts, incoming.py lets people write, callbacks.py
                   tells of it, in the words of meta_calls.py, telegram_calls.py,
                   twilio_calls.py and chatwoot_calls.py, which products.py lists
    gateway.py     chat completions; judge.py decides from words.py
    anthropic.py   messages; drafts.py writes the reply
    embeddings.py  vectors from words

`python -m sandbox --mailbox FILE --owner ADDRESS` prints its address and serves;
`docs/sandbox.md` shows how to direct it.

It is the outside, so it imports nothing of `app` or `tasks`.
"""
