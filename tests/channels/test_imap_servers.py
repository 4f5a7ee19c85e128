"""Mailboxes on real IMAP servers, imported and polled into a real database."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import store
from app.channels.base import Changes, Interrupted
from app.channels.mailbox import read_mbox
from app.config import Settings, environment_of
from app.domain.status import RunState, Source
from app.errors import AuthError, RetryableError
from app.jobs.contracts import ImportFetch
from app.services.accounts import account_of, renew_credentials
from app.services.pipeline.fetch_page import fetch_page
from app.services.pipeline.ingest import ingest
from app.services.sync.import_mailbox import import_mailbox
from app.services.sync.start_import import start_import

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SINCE = START - timedelta(days=1)


def test_history_comes_with_what_was_sent_first(mailbox, account, run_all, events):
    mailbox.add(mail("question"))
    mailbox.add(mail("answer", sender="shop@shop.example"), "Sent")
    mailbox.add(mail("from an alias", sender="orders@brand.example"), "Sent")

    run = run_all(start_import(account.runtime, *account.ids))

    assert (run.state, run.created, run.truncated) == (RunState.COMPLETED, 3, False)
    assert [(one.subject, one.direction) for one in events()] == [
        ("from an alias", "outbound"),
        ("answer", "outbound"),
        ("question", "inbound"),
    ]
    assert mailbox.flags() == set()


@pytest.mark.shows("B8")
def test_drafts_and_deleted_mails_never_become_messages(
    mailbox, account, run_all, events, poll
):
    mailbox.add(mail("unfinished"), "Drafts")
    mailbox.add(mail("saved in the inbox"), flags=[b"\\Draft"])
    mailbox.add(mail("thrown away"), flags=[b"\\Deleted"])
    mailbox.add(mail("junk"), "Junk")
    mailbox.add(mail("trash"), "Trash")
    mailbox.add(mail("question"))

    run = run_all(start_import(account.runtime, *account.ids))
    poll()

    assert run.created == 1
    assert [one.subject for one in events()] == ["question"]


@pytest.mark.shows("A18")
def test_a_mail_that_was_read_on_the_phone_is_ingested(mailbox, poll, events):
    poll()
    mailbox.add(mail("read already"), flags=[b"\\Seen", b"\\Answered"])
    mailbox.add(mail("not yet"))

    poll()

    assert {one.subject for one in events()} == {"read already", "not yet"}


@pytest.mark.shows("A18")
def test_polling_marks_nothing_as_read(mailbox, poll):
    mailbox.add(mail("question"))

    poll()

    assert mailbox.flags() == set()


@pytest.mark.shows("A18")
def test_a_mail_that_is_moved_is_no_new_message(mailbox, account, poll, events):
    account.watch("Archive")
    mailbox.add(mail("first"), "Archive")
    mailbox.add(mail("question"))
    poll()
    before = events()

    mailbox.move("question", "Archive")
    after = poll()

    assert after.items == []
    assert [one.id for one in events()] == [one.id for one in before]


@pytest.mark.shows("A18")
def test_a_mail_that_was_archived_before_the_poll_is_found(
    mailbox, account, poll, events
):
    account.watch("Arch*")
    mailbox.add(mail("first"), "Archive/2026" if slashes(mailbox) else "Archive.2026")
    poll()
    mailbox.add(mail("question"))
    mailbox.move("question", "Archive/2026" if slashes(mailbox) else "Archive.2026")

    poll()

    assert [one.subject for one in events()] == ["first", "question"]


@pytest.mark.shows("A13")
def test_uids_that_are_given_out_anew_add_nothing(mailbox, poll, events):
    for number in range(12):
        mailbox.add(mail(f"mail {number}"), at=START + timedelta(minutes=number))
    mailbox.add(without_id("no id"), at=START)
    poll()
    before = events()

    mailbox.number_anew()
    mailbox.add(mail("meanwhile"), at=START + timedelta(hours=1))
    after = poll()

    assert after.reset == "UIDVALIDITY of 'INBOX' has changed"
    assert after.missed == 0
    assert {one.subject for one in events()} - {one.subject for one in before} == {
        "meanwhile"
    }
    assert len(events()) == len(before) + 1 == 14
    assert poll().reset is None


@pytest.mark.shows("A14")
def test_what_lies_beyond_the_horizon_is_counted(mailbox, poll, events):
    mailbox.add(mail("known"), at=START)
    poll()
    mailbox.number_anew()
    for number in range(5):
        mailbox.add(mail(f"day {number}"), at=START + timedelta(days=number + 1))

    after = poll(since=START + timedelta(days=3, hours=12))

    assert after.missed == 3
    assert {one.subject for one in events()} == {"known", "day 3", "day 4"}


@pytest.mark.shows("A14")
def test_an_outage_is_made_up_for_whole_where_the_cursor_holds(mailbox, poll, events):
    mailbox.add(mail("known"), at=START)
    poll()
    for number in range(10):
        mailbox.add(mail(f"day {number}"), at=START + timedelta(days=number))

    after = poll(since=START + timedelta(days=8), limit=5)

    assert (after.missed, after.reset) == (0, None)
    assert len(events()) == 11


@pytest.mark.shows("A15")
def test_a_mail_that_comes_while_pages_are_read_is_not_lost(
    mailbox, account, pages, events
):
    for number in range(7):
        mailbox.add(mail(f"mail {number}"))

    for number, _ in enumerate(pages(start_import(account.runtime, *account.ids))):
        if number < 4:
            mailbox.add(mail(f"late {number}"))
        if number == 2:
            mailbox.mark("mail 6", b"\\Deleted")
            mailbox.phone.expunge()

    wanted = [f"mail {number}" for number in range(7)]
    wanted += [f"late {number}" for number in range(4)]
    assert Counter(one.subject for one in events()) == Counter(wanted)


@pytest.mark.shows("A11")
def test_a_connection_that_breaks_again_and_again_loses_nothing(
    mailbox, account, wire, fetch, events
):
    for number in range(12):
        mailbox.add(mail(f"mail {number}", text="x" * 20_000))
    account.use(port=wire.port)
    # Enough for the log-in, the look and a few mails.
    wire.breaks_after = 75_000
    kept, done = [], None

    while done is None:
        try:
            done = fetch(limit=50)
        except Interrupted as error:
            kept.append(account.keep(error.items).created)

    account.keep(done.items)
    assert len(kept) >= 3
    assert all(kept)
    assert done.next_token is None
    subjects = [one.subject for one in events()]
    assert sorted(subjects) == sorted(f"mail {number}" for number in range(12))


@pytest.mark.shows("A11")
def test_a_broken_poll_keeps_its_cursor(mailbox, account, wire, poll, events):
    mailbox.add(mail("first"))
    poll()
    kept = account.cursor
    for number in range(3):
        mailbox.add(mail(f"mail {number}", text="x" * 20_000))
    account.use(port=wire.port)
    wire.breaks_after = 30_000

    with pytest.raises(RetryableError):
        poll()
    assert account.cursor == kept
    wire.breaks_after = None
    poll()

    assert sorted(one.subject for one in events()) == [
        "first",
        *(f"mail {number}" for number in range(3)),
    ]


@pytest.mark.shows("A12")
def test_an_import_again_adds_nothing_and_downloads_nothing(
    mailbox, account, wire, run_all
):
    for number in range(8):
        mailbox.add(mail(f"mail {number}", text="x" * 50_000))
    account.use(port=wire.port)
    run_all(start_import(account.runtime, *account.ids))
    carried = wire.carried

    again = run_all(start_import(account.runtime, *account.ids))

    assert carried > 8 * 50_000
    assert wire.carried - carried < 25_000
    assert (again.created, again.duplicates) == (0, 8)


@pytest.mark.shows("B3")
def test_one_message_id_in_two_accounts_is_two_messages(
    mailbox, account, make, run_all, events
):
    mailbox.add(mail("question"))
    other = make.config(
        account.workspace, provider="imap", credentials=mailbox.credentials()
    )

    run_all(start_import(account.runtime, *account.ids))
    run_all(start_import(account.runtime, account.workspace.id, other.id))

    assert [one.external_id for one in events()] == ["question@x"] * 2


@pytest.mark.shows("B4")
def test_a_message_id_that_is_used_twice_is_two_messages(
    mailbox, account, poll, run_all, events
):
    first = mail("parcel", text="It left.")
    mailbox.add(first.replace(b"Subject: parcel", b"Subject: delivered"), at=START)
    poll(since=START - timedelta(minutes=1))
    mailbox.add(first, at=START + timedelta(hours=1))
    mailbox.add(first.replace(b"It left", b"It arrived"), "Sent", at=SINCE)

    poll()
    run_all(start_import(account.runtime, *account.ids))

    found = events()
    assert sorted((one.subject, one.id_collision) for one in found) == [
        ("delivered", False),
        ("parcel", True),
        ("parcel", True),
    ]


@pytest.mark.shows("B5")
def test_a_file_and_the_mailbox_it_came_from_are_the_same_messages(
    mailbox, account, run_all, events, poll, tmp_path
):
    mails = [
        mail("question"),
        without_id("no id"),
        mail("From one line to another", text="From here on\n>From there\n\n"),
        mail("umlauts", text="Grüße\n\n\n", sender='"Jürgen" <j@example.com>'),
        mail("answer", sender="shop@shop.example"),
    ]
    for one in mails:
        mailbox.add(one, "Sent" if b"answer" in one else "INBOX")
    file = tmp_path / "all.mbox"
    file.write_bytes(b"".join(map(in_mbox, mails)))

    import_mailbox(account.runtime, *account.ids, read_mbox(file), source="mbox")
    before = {one.external_id: one.content_digest for one in events()}
    run = run_all(start_import(account.runtime, *account.ids))
    poll()

    assert len(before) == len(mails)
    assert {one.external_id: one.content_digest for one in events()} == before
    assert (run.created, run.duplicates) == (0, len(mails))


@pytest.mark.shows("B7")
def test_our_own_mail_that_comes_back_is_one_message(mailbox, poll, events):
    sent = mail("offer", sender="orders@brand.example")
    mailbox.add(sent, "Sent", flags=[b"\\Seen"])
    mailbox.add(b"Received: from somewhere\r\n" + sent)

    poll()

    assert [(one.subject, one.direction) for one in events()] == [("offer", "outbound")]


@pytest.mark.shows("A12")
def test_polling_in_small_steps_reads_everything_once(mailbox, poll, events):
    for number in range(8):
        mailbox.add(mail(f"in {number}"))
        mailbox.add(mail(f"out {number}", sender="shop@shop.example"), "Sent")
    steps = []

    poll(limit=3, steps=steps)

    assert len(events()) == 16
    assert max(len(step.items) for step in steps) <= 3
    assert [step.more for step in steps] == [True] * (len(steps) - 1) + [False]


def test_mails_from_before_the_beginning_are_left_to_the_import(mailbox, poll, events):
    mailbox.add(mail("a minute too early"), at=START - timedelta(minutes=1))
    mailbox.add(mail("on time"), at=START)
    poll(since=START)
    mailbox.add(mail("moved here, and old"), at=START - timedelta(days=400))

    poll(since=START)

    assert [one.subject for one in events()] == ["on time", "moved here, and old"]


@pytest.mark.shows("A21")
def test_a_wrong_password_is_told_from_trouble(mailbox, account, poll, run_all):
    account.use(password="wr0ng-secret")

    with pytest.raises(AuthError) as raised:
        poll()
    run = run_all(start_import(account.runtime, *account.ids))

    assert "wr0ng-secret" not in str(raised.value)
    assert mailbox.user not in str(raised.value)
    assert run.state is RunState.FAILED
    assert account.config().status == "disconnected"


def test_a_renamed_sent_folder_is_named_by_the_settings(
    mailbox, account, run_all, events
):
    mailbox.add(mail("offer", sender="orders@brand.example"), "Ausgang & Übergabe")
    account.choose({"SENT": "Ausgang & Übergabe"})

    run_all(start_import(account.runtime, *account.ids))

    assert [(one.subject, one.direction) for one in events()] == [("offer", "outbound")]


def slashes(mailbox) -> bool:
    (delimiter,) = {row[1] for row in mailbox.phone.list_folders()}
    return delimiter == b"/"


def mail(subject, *, sender="anna@example.com", text="It has been two weeks."):
    head = f"From: {sender}\r\nTo: shop@shop.example\r\nSubject: {subject}\r\n"
    head += "Date: Mon, 02 Nov 2026 09:00:00 +0000\r\n"
    head += f"Message-ID: <{subject.replace(' ', '-')}@x>\r\n"
    head += "Content-Type: text/plain; charset=utf-8\r\n"
    body = text.replace("\n", "\r\n")
    return f"{head}\r\n{body}\r\n".encode()


def without_id(subject):
    lines = mail(subject).split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"Message-ID"))


def in_mbox(mail):
    lines = mail.replace(b"\r\n", b"\n").split(b"\n")
    quoted = [
        b">" + one if one.lstrip(b">").startswith(b"From ") else one for one in lines
    ]
    return (
        b"From anna@example.com Mon Nov  2 09:00:00 2026\n" + b"\n".join(quoted) + b"\n"
    )


class Connected:
    """An account of the mailbox, as services see it."""

    def __init__(self, runtime, make, workspace, mailbox):
        self.runtime, self.workspace, self.mailbox = runtime, workspace, mailbox
        self._made = make.config(
            workspace, provider="imap", credentials=mailbox.credentials()
        )
        self.ids = (workspace.id, self._made.id)
        self.cursor = None
        self._changed = {}

    def config(self):
        with self.runtime.transaction(self.workspace.id) as tx:
            return store.tenants.config(tx, self._made.id)

    def use(self, **changed):
        renew_credentials(self.runtime, *self.ids, self.mailbox.credentials() | changed)

    def choose(self, folders):
        with self.runtime.transaction(self.workspace.id) as tx:
            store.tenants.set_settings(tx, self._made.id, {"imap_folders": folders})

    def watch(self, pattern):
        self.choose({"also": [pattern]})

    def keep(self, items):
        with self.runtime.transaction(self.workspace.id) as tx:
            return ingest(tx, self.config(), items, source=Source.POLL)

    def known(self, ids):
        with self.runtime.transaction(self.workspace.id) as tx:
            return store.events.known(
                tx, channel="email", config_id=self._made.id, external_ids=ids
            )

    @property
    def adapter(self):
        return self.runtime.adapters.of("imap")

    @property
    def seen_by_adapter(self):
        return account_of(self.runtime, self.config())


@pytest.fixture
def account(small_pages, make, workspace, mailbox):
    return Connected(small_pages, make, workspace, mailbox)


@pytest.fixture
def small_pages(runtime):
    settings = Settings.model_validate(
        environment_of(runtime.settings) | {"BB_IMPORT_BATCH_SIZE": 3}
    )
    return replace(runtime, settings=settings)


@pytest.fixture
def poll(account):
    """Poll as a service does, until there is no more; returns what came in all."""

    def poll(*, since=SINCE, limit=100, steps=None):
        items, resets, missed, more = [], [], 0, True
        while more:
            changes = account.adapter.fetch_changes(
                account.seen_by_adapter,
                cursor=account.cursor,
                since=since,
                limit=limit,
                known=account.known,
            )
            account.keep(changes.items)
            account.cursor, more = changes.cursor, changes.more
            items += changes.items
            resets += [changes.reset] if changes.reset else []
            missed += changes.missed
            if steps is not None:
                steps.append(changes)
        return Changes(items, account.cursor, False, "; ".join(resets) or None, missed)

    return poll


@pytest.fixture
def fetch(account):
    def fetch(*, folder="INBOX", token=None, limit=10):
        return account.adapter.fetch_page(
            account.seen_by_adapter,
            folder=folder,
            token=token,
            limit=limit,
            known=account.known,
        )

    return fetch


@pytest.fixture
def pages(account):
    """Carry out the fetch jobs of a run one by one."""

    def pages(run_id):
        publisher = account.runtime.publisher
        while run_of(account, run_id).finished_at is None:
            jobs = [one for one in publisher.jobs if isinstance(one, ImportFetch)]
            publisher.jobs.clear()
            yield fetch_page(account.runtime, jobs[-1])

    return pages


@pytest.fixture
def run_all(account, pages):
    def run_all(run_id):
        for _ in pages(run_id):
            pass
        return run_of(account, run_id)

    return run_all


def run_of(account, run_id):
    with account.runtime.system_transaction() as tx:
        return store.runs.get(tx, run_id)


@pytest.fixture
def events(account):
    """The events there are, oldest first, with their subject."""

    def events():
        with account.runtime.system_transaction() as tx:
            found = sorted(store.events.find(tx), key=lambda one: one.id)
            for one in found:
                one.subject = one.payload.get("subject")
        return found

    return events
