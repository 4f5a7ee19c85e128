"""The IMAP adapter against a server that does the odd things real ones do."""

import base64
from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.channels.adapters.imap import IMAPAdapter
from app.channels.base import Account, Interrupted
from app.channels.imap.place import OVERLAP, Mark, Place
from app.channels.imap.session import CHUNK
from app.channels.mail_item import MAX_MAIL
from app.errors import AuthError, PermanentError, RateLimited, RetryableError
from tests.fake_imap import WHEN, FakeFolder, FakeIMAP

SINCE = WHEN - timedelta(days=1)
GMAIL = "IMAP4rev1 X-GM-EXT-1 SPECIAL-USE"


def test_a_range_without_mails_that_is_answered_with_the_last_one(server, poll):
    server.add(mail("one"))
    poll()

    assert poll().items == []
    assert server.fetched == [1]


def test_a_server_that_tells_no_next_uid(server, poll, pages):
    server.tells_uidnext = False
    server.add(mail("one"))

    assert subjects(poll().items) == ["one"]
    server.add(mail("two"))
    assert subjects(poll().items) == ["two"]
    assert subjects(pages()) == ["two", "one"]


@pytest.mark.shows("A12")
def test_a_mail_that_is_shown_after_one_with_a_higher_uid_is_not_lost(server, poll):
    server.add(mail("first"))
    poll()
    late = server.add(mail("late"), hidden=True)
    server.add(mail("later"))
    assert subjects(poll().items) == ["later"]

    server.folders["INBOX"].mails[late].hidden = False

    assert subjects(poll().items) == ["late"]
    assert poll().items == []


@pytest.mark.shows("A12")
def test_the_overlap_downloads_nothing_again(server, poll):
    server.add(mail("first"))
    poll()
    for number in range(2 * OVERLAP):
        server.add(mail(f"mail {number}"))
    poll()
    server.add(mail("last"))

    poll()

    assert sorted(server.fetched) == list(range(1, 2 * OVERLAP + 3))


def test_a_mail_whose_deletion_is_taken_back_is_found(server, poll):
    poll()
    uid = server.add(mail("wanted after all"), flags="\\Deleted \\Seen")
    assert poll().items == []

    server.folders["INBOX"].mails[uid].flags = "\\Seen"

    assert subjects(poll().items) == ["wanted after all"]


@pytest.mark.shows("A15")
def test_a_mail_that_is_gone_between_search_and_fetch_costs_no_other(server, poll):
    for number in range(5):
        server.add(mail(f"mail {number}"))
    server.hooks["FETCH"] = lambda: server.folders["INBOX"].mails.pop(3, None)

    assert subjects(poll().items) == ["mail 0", "mail 1", "mail 3", "mail 4"]
    assert poll().items == []


def test_what_is_told_unasked_belongs_to_no_mail(server, poll):
    for number in range(3):
        server.add(mail(f"mail {number}"))
    server.unasked = (
        "* 2 FETCH (FLAGS (\\Deleted))\r\n* 2 FETCH (UID 1 FLAGS (\\Draft))"
    )

    assert subjects(poll().items) == ["mail 0", "mail 1", "mail 2"]


@pytest.mark.parametrize(
    "said",
    [
        "NO [SERVERBUG2] cannot read it",
        # What Dovecot says of a mail whose file is damaged, today and tomorrow.
        "NO [SERVERBUG] Internal error occurred. Refer to server log.",
    ],
)
def test_a_mail_that_the_server_fails_to_show_costs_no_other(server, poll, said):
    for number in range(4):
        server.add(mail(f"mail {number}"))
    server.folders["INBOX"].mails[3].broken = said

    items = poll().items

    assert [one.message is None for one in items] == [False, False, True, False]
    assert items[2].error == "imap: the server fails to show a mail (UID 3)"
    assert items[2].external_id == "mail-2@x"
    assert poll().items == []


@pytest.mark.parametrize("behind", [0, 1])
def test_a_mail_alone_does_not_tell_whether_it_or_the_server_has_failed(
    server, poll, behind
):
    server.add(mail("good"))
    poll()
    uid = server.add(mail("bad"))
    server.folders["INBOX"].mails[uid].broken = "NO [SERVERBUG] Internal error."
    with pytest.raises(RetryableError):
        poll()

    for number in range(behind):
        server.add(mail(f"mail {number}"))
    if not behind:
        server.folders["INBOX"].mails[uid].broken = None

    assert [one.message is not None for one in poll().items] == (
        [False, True] if behind else [True]
    )


def test_a_server_that_fails_to_show_anything_loses_nothing(server, poll):
    for number in range(9):
        server.add(mail(f"mail {number}"))
    mails = server.folders["INBOX"].mails.values()
    for one in mails:
        one.broken = "NO [SERVERBUG] Internal error occurred."
    with pytest.raises(RetryableError):
        poll()

    for one in mails:
        one.broken = None

    assert subjects(poll().items) == [f"mail {number}" for number in range(9)]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("NO [UNAVAILABLE] later", RetryableError),
        ("NO [LIMIT] slowly", RateLimited),
        ("NO [ALERT] Account exceeded command or bandwidth limits.", RateLimited),
    ],
)
def test_a_server_in_trouble_is_asked_again_with_what_came_kept(
    server, poll, answer, kind
):
    for number in range(6):
        server.add(mail(f"mail {number}"))
    server.folders["INBOX"].mails[4].broken = answer

    with pytest.raises(Interrupted) as raised:
        poll()

    assert isinstance(raised.value, kind)
    assert subjects(raised.value.items) == ["mail 0", "mail 1", "mail 2"]


@pytest.mark.parametrize("size", [10, MAX_MAIL - 1], ids=["too small", "too large"])
def test_a_size_that_is_told_wrong_cuts_no_mail(server, poll, size):
    raw = mail("big", text="y" * (2 * CHUNK + 17))
    server.add(raw, size=size)
    server.add(mail("neighbour"))

    items = poll().items

    assert subjects(items) == ["big", "neighbour"]
    assert base64.b64decode(items[0].raw["mime"]) == raw
    assert items[0].content_digest
    assert "cut" not in items[0].message.metadata


def test_a_mail_that_is_too_large_is_kept_as_far_as_its_beginning(server, poll):
    raw = mail("huge", text="y" * CHUNK)
    server.add(raw, size=MAX_MAIL + 1)

    (item,) = poll().items

    assert item.external_id == "huge@x"
    assert item.message.metadata["cut"] is True
    assert len(base64.b64decode(item.raw["mime"])) == CHUNK
    # The same mail out of a file is cut elsewhere, and is the same mail.
    assert item.content_digest is None
    assert server.fetched == [1]


def test_a_mail_that_does_not_end_is_left_in_time(server, poll):
    server.add(mail("endless", text="y" * (MAX_MAIL + CHUNK)), size=10)

    (item,) = poll().items

    assert item.message.metadata["cut"] is True
    assert len(base64.b64decode(item.raw["mime"])) == CHUNK


def test_large_mails_make_short_pages(server, pages):
    for number in range(3):
        server.add(mail(f"mail {number}", text="y" * (17 * 1024 * 1024)))
    sizes = []

    items = pages(limit=100, sizes=sizes)

    assert len(items) == 3
    assert sizes == [2, 1]


@pytest.mark.shows("A15")
def test_uids_with_wide_gaps_are_found_in_few_questions(server, pages):
    for uid in (1, 2, 70_000, 4_000_000_000, 4_000_000_001):
        server.add(mail(f"mail {uid}"), uid=uid)

    items = pages(limit=2)

    assert subjects(items) == [
        f"mail {uid}" for uid in (4_000_000_001, 4_000_000_000, 70_000, 2, 1)
    ]
    assert sum(one.startswith("UID SEARCH") for one in server.said) < 60


@pytest.mark.shows("A13")
def test_uids_that_are_given_out_anew_in_an_import_start_the_folder_again(
    server, adapter, account, stored
):
    for number in range(4):
        server.add(mail(f"mail {number}"))
    page = fetch(adapter, account, stored, limit=2)
    folder = server.folders["INBOX"]
    folder.validity += 1
    folder.mails = {uid + 10: one for uid, one in folder.mails.items()}

    items = [*page.items]
    while page.next_token:
        page = fetch(adapter, account, stored, token=page.next_token, limit=2)
        items += page.items

    assert {*subjects(items)} == {f"mail {number}" for number in range(4)}
    assert len(items) == 6
    assert sorted(server.fetched) == [3, 4, 11, 12]


def test_an_import_reads_every_folder_that_is_chosen(server, pages, account):
    server.folders["Archive"] = FakeFolder()
    server.folders["Empty"] = FakeFolder()
    account.settings["imap_folders"] = {"also": ["Empty", "Arch*"]}
    server.add(mail("archived"), "Archive")
    server.add(mail("new"))

    assert subjects(pages()) == ["new", "archived"]


def test_a_mailbox_without_sent_mail_has_an_empty_page(server, pages):
    del server.folders["Sent"]

    assert pages(folder="SENT") == []


def test_a_folder_that_nobody_knows_is_refused(adapter, account, stored):
    with pytest.raises(PermanentError, match="no folder 'SPAM'"):
        fetch(adapter, account, stored, folder="SPAM")


def test_a_folder_that_is_closed_to_us_stops_the_poll_with_its_name(server, poll):
    server.add(mail("new"))
    server.folders["Sent"].refused = "NO [NOPERM] not yours"

    with pytest.raises(RetryableError, match=r"EXAMINE 'Sent' was refused: \[NOPERM"):
        poll()

    server.folders["Sent"].refused = None
    assert subjects(poll().items) == ["new"]


def test_a_folder_that_is_watched_from_now_on_begins_at_since(server, poll, account):
    server.folders["Archive"] = FakeFolder()
    server.add(mail("old"), "Archive", at=WHEN - timedelta(days=30))
    server.add(mail("recent"), "Archive")
    assert poll().items == []

    account.settings["imap_folders"] = {"also": "Archive"}
    changes = poll()

    assert subjects(changes.items) == ["recent"]
    assert (changes.reset, changes.missed) == (None, 0)


@pytest.mark.shows("A13")
def test_uids_that_are_given_out_anew_before_the_first_reading_ended(
    server, poll, adapter, account, stored
):
    for number in range(6):
        server.add(mail(f"mail {number}"))
    first = adapter.fetch_changes(
        account, cursor=None, since=SINCE, limit=4, known=stored.known
    )
    stored.keep(first.items)
    folder = server.folders["INBOX"]
    folder.validity += 1
    folder.mails = dict(zip(range(1, 7), reversed(folder.mails.values()), strict=True))

    changes = poll(cursor=first.cursor)

    assert changes.reset
    assert {*subjects(first.items), *subjects(changes.items)} == {
        f"mail {number}" for number in range(6)
    }
    assert len(first.items) + len(changes.items) == 6


@pytest.mark.parametrize(
    "cursor",
    [
        {"INBOX": None},
        {"INBOX": {"uid": 3}},
        {"INBOX": {"uid_validity": "a", "uid": 1, "floor": 1, "seen": ["b"]}},
        {"INBOX": {"uid_validity": 7, "uid": 1, "floor": 1, "seen": [], "at": "?"}},
    ],
)
def test_a_cursor_of_another_make_begins_at_since(server, poll, cursor):
    server.add(mail("one"))

    assert subjects(poll(cursor=cursor).items) == ["one"]


@pytest.mark.parametrize(
    "token", ["", "x", "1:2:3:INBOX", "1:2:3:x:INBOX", "9:0:9:9:Z"]
)
def test_a_token_of_another_make_begins_the_folder(server, adapter, account, token):
    server.add(mail("one"))

    page = fetch(adapter, account, Stored(), token=token)

    assert subjects(page.items) == ["one"]


def test_a_token_and_a_mark_come_back_as_they_were():
    place = Place("A:b/Ü", 7, 1, 20, 30)
    mark = Mark.first(7, 20, SINCE).past(3, WHEN, is_final=True)

    assert Place.read(str(place)) == place
    assert Mark.read(mark.kept()) == mark
    assert mark.after_scan().past(25, None, is_final=True).seen == (25,)


def test_gmail_tells_threads_and_what_was_sent(gmail, poll):
    gmail.add(mail("answer", sender="orders@brand.example"), labels='"\\\\Sent" Work')
    gmail.add(mail("question"), labels='"\\\\Inbox" "\\\\Important"')
    gmail.add(mail("unfinished"), labels='"\\\\Draft"')

    messages = [one.message for one in poll().items]

    assert [(one.subject, one.direction) for one in messages] == [
        ("answer", "outbound"),
        ("question", "inbound"),
    ]
    assert [one.external_thread_id for one in messages] == ["gmail:1001", "gmail:1002"]
    assert [one for one in gmail.said if one.startswith("EXAMINE")] == [
        'EXAMINE "[Gmail]/All Mail"'
    ]


def test_a_mailbox_is_only_looked_at(server, poll, pages):
    server.add(mail("one"))
    poll()
    pages()

    words = {one.split()[0] for one in server.said}
    assert words == {
        *("CAPABILITY", "LOGIN", "LIST", "EXAMINE"),
        "UID",
        "NOOP",
        "LOGOUT",
    }
    assert not [one for one in server.said if "BODY[" in one or "STORE" in one]


def test_a_server_that_wants_a_name_is_told_ours(server, poll):
    server.capabilities += " ID"

    poll()

    assert 'ID ("name" "BizzyBee")' in server.said


def test_a_server_that_tells_the_use_of_folders_only_when_asked(server, poll):
    server.folders = {"INBOX": FakeFolder(), "Ausgang": FakeFolder("")}
    server.capabilities += " SPECIAL-USE"
    server.hooks["LIST"] = lambda: server.folders["Ausgang"].__setattr__(
        "flags", "\\Sent" if "RETURN" in server.said[-1] else ""
    )
    server.add(mail("answer", sender="orders@brand.example"), "Ausgang")

    (item,) = poll().items

    assert item.message.direction == "outbound"


@pytest.mark.shows("A21")
def test_credentials_that_make_no_sense_are_an_auth_error(adapter):
    account = Account("c1", frozenset(), {"access_token": "for another provider"})

    with pytest.raises(AuthError, match="`host`"):
        adapter.fetch_page(
            account, folder="INBOX", token=None, limit=1, known=Stored().known
        )


def mail(subject, *, sender="anna@example.com", text="It has been two weeks."):
    head = f"From: {sender}\r\nTo: shop@shop.example\r\nSubject: {subject}\r\n"
    head += "Date: Mon, 02 Nov 2026 09:00:00 +0000\r\n"
    head += f"Message-ID: <{subject.replace(' ', '-')}@x>\r\n"
    return f"{head}\r\n{text}\r\n".encode()


def subjects(items):
    return [one.message.subject for one in items]


@dataclass(frozen=True)
class Known:
    subject: str | None
    sent_at: str | None


class Stored:
    """What a service has stored, as it tells an adapter."""

    def __init__(self):
        self.ids = {}

    def keep(self, items):
        for one in items:
            if one.message:
                told = one.message.model_dump(mode="json")
                known = Known(told["subject"], told["sent_at"])
                self.ids.setdefault(one.message.external_id, known)

    def known(self, ids):
        return {one: self.ids[one] for one in ids if one in self.ids}


def fetch(adapter, account, stored, *, folder="INBOX", token=None, limit=10):
    page = adapter.fetch_page(
        account, folder=folder, token=token, limit=limit, known=stored.known
    )
    stored.keep(page.items)
    return page


@pytest.fixture
def server():
    server = FakeIMAP()
    yield server
    server.close()


@pytest.fixture
def gmail(server, account):
    """A server that is Gmail's, with everything watched."""
    server.capabilities = GMAIL
    server.folders = {
        "INBOX": FakeFolder(),
        "[Gmail]/All Mail": FakeFolder("\\All"),
        "[Gmail]/Sent Mail": FakeFolder("\\Sent"),
    }
    account.settings["imap_folders"] = {"also": "[Gmail]/All Mail"}
    add = server.add
    server.add = lambda raw, **facts: add(raw, "[Gmail]/All Mail", **facts)
    return server


@pytest.fixture
def adapter():
    return IMAPAdapter()


@pytest.fixture
def account(server):
    credentials = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "username": "shop",
        "password": "secret",
    }
    return Account("c1", frozenset({"shop@shop.example"}), credentials, {})


@pytest.fixture
def stored():
    return Stored()


@pytest.fixture
def poll(adapter, account, stored):
    """Poll once, from the cursor of the last time."""
    kept = {}

    def poll(cursor=None):
        changes = adapter.fetch_changes(
            account,
            cursor=cursor or kept.get("cursor"),
            since=SINCE,
            limit=1000,
            known=stored.known,
        )
        stored.keep(changes.items)
        kept["cursor"] = changes.cursor
        return changes

    return poll


@pytest.fixture
def pages(adapter, account, stored):
    """All items of a folder, page by page."""

    def pages(*, folder="INBOX", limit=10, sizes=None):
        items, token = [], None
        while True:
            page = fetch(
                adapter, account, stored, folder=folder, token=token, limit=limit
            )
            items += page.items
            token = page.next_token
            if sizes is not None:
                sizes.append(len(page.items))
            if token is None:
                return items

    return pages
