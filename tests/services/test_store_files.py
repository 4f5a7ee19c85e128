"""Keeping the files that came with messages."""

import base64
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import store
from app.bootstrap import build_runtime
from app.channels.base import Item
from app.channels.download import Downloads
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.mail import read_mail
from app.domain.status import AttachmentState, ConfigStatus, EventStatus, Source
from app.jobs.contracts import StoreFiles
from app.models import Attachment, Incident, JobAudit
from app.services.accounts import renew_credentials
from app.services.operations.requeue import requeue_letters
from app.services.pipeline.ingest import ingest
from app.services.pipeline.materialize import materialize
from app.services.sync.store_files import store_files
from app.storage.local import LocalFiles
from tests.domain.mails import mail_of, multipart, text_part
from tests.factories import message
from tests.fakes import ScriptedServer
from tests.http.client import changed

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
INNER = b"From: Bo <bo@example.com>\nSubject: Fwd\n\nThe inner text.  \n"


def part(content, content_type, *headers):
    body = base64.b64encode(content)
    head = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    return "\n".join([*head, *headers, "", ""]).encode() + body


PDF = part(
    b"%PDF a receipt",
    "application/pdf",
    'Content-Disposition: attachment; filename="receipt.pdf"',
)
PROGRAM = part(
    b"MZ program",
    "application/octet-stream",
    'Content-Disposition: attachment; filename="game.exe"',
)


@pytest.mark.shows("C15")
def test_every_file_of_a_mail_is_kept(arrive, keep, files):
    mails = multipart("mixed", text_part("Here"), PDF, PROGRAM)

    outcome = keep(arrive(mails))

    receipt, game = files()
    assert outcome.counts == {"stored": 2}
    assert (receipt.name, receipt.state, receipt.reason) == (
        "receipt.pdf",
        AttachmentState.STORED,
        None,
    )
    assert receipt.size == len(b"%PDF a receipt")
    assert receipt.storage_key == f"{receipt.workspace_id}/{receipt.sha256}"
    assert receipt.warning is None
    assert game.warning == "opening it may run a program"


@pytest.mark.shows("C15")
def test_what_is_kept_are_the_very_bytes(arrive, keep, files, runtime):
    keep(arrive(multipart("mixed", text_part("Here"), PDF)))

    (receipt,) = files()
    assert runtime.storage.get(receipt.storage_key) == b"%PDF a receipt"


def test_files_are_listed_and_rung_for_with_their_message(arrive, files, runtime):
    message_id = arrive(multipart("mixed", text_part("Here"), PDF))

    (receipt,) = files()
    jobs = [job for job in runtime.publisher.jobs if isinstance(job, StoreFiles)]
    assert receipt.state is AttachmentState.PENDING
    assert receipt.message_id == message_id
    assert [job.message_ids for job in jobs] == [(message_id,)]


def test_a_message_that_is_placed_again_lists_nothing_again(
    arrive, keep, files, make, runtime, config
):
    message_id = arrive(multipart("mixed", text_part("Here"), PDF))
    keep(message_id)
    before = files()
    runtime.publisher.jobs.clear()

    with runtime.system_transaction() as tx:
        event_id = store.events.of_message(tx, message_id)
        store.events.reset(tx, [event_id], status=EventStatus.RECEIVED)
    materialize(runtime, make.materialize_job(config, [event_id]))

    assert runtime.publisher.jobs == []

    assert [(one.id, one.state) for one in files()] == [
        (one.id, AttachmentState.STORED) for one in before
    ]


@pytest.mark.shows("C10")
def test_a_picture_in_the_text_and_a_point_are_no_files_of_their_own(
    arrive, keep, files
):
    """Without Content-Disposition too: the text that shows it says so."""
    html = text_part('<p>Hi <img src="cid:logo@x"></p>', "html")
    logo = part(b"\x89PNG a logo", "image/png", "Content-ID: <logo@x>")
    unused = part(b"\x89PNG other", "image/png", "Content-ID: <other@x>")
    point = part(PIXEL, "image/gif", "Content-Disposition: attachment; filename=p.gif")

    keep(arrive(multipart("related", html, logo, unused, point)))

    assert [one.is_inline for one in files()] == [True, False, True]
    assert {one.state for one in files()} == {AttachmentState.STORED}


@pytest.mark.shows("C13")
def test_an_attached_message_is_kept_byte_for_byte_and_names_its_sender(
    arrive, keep, files, runtime
):
    attached = b"Content-Type: message/rfc822\r\n\r\n" + INNER

    keep(arrive(multipart("mixed", text_part("See below"), attached)))

    (one,) = files()
    assert runtime.storage.get(one.storage_key) == INNER
    assert one.inner == {
        "sender": "bo@example.com",
        "sender_name": "Bo",
        "subject": "Fwd",
    }


@pytest.mark.shows("C15")
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"attachment_max_bytes": 13}, "it is larger than 1.24e-05 MiB"),
        ({"refused_attachments": "pdf"}, "files of this kind are not kept"),
        ({"refused_attachments": "application/pdf"}, "files of this kind are not kept"),
    ],
    ids=["too large", "by extension", "by type"],
)
def test_what_is_refused_is_listed_with_the_reason(
    arrive, keep, files, runtime, settings, reason
):
    strict = replace(runtime, settings=changed(runtime.settings, **settings))

    outcome = keep(arrive(multipart("mixed", text_part("Here"), PDF)), at=strict)

    (receipt,) = files()
    assert outcome.counts == {"refused": 1}
    assert (receipt.state, receipt.reason) == (AttachmentState.REFUSED, reason)
    assert receipt.storage_key is None


def test_what_is_as_large_as_allowed_is_kept(arrive, keep, files, runtime):
    limit = changed(runtime.settings, attachment_max_bytes=14)

    keep(
        arrive(multipart("mixed", text_part("Here"), PDF)),
        at=replace(runtime, settings=limit),
    )

    assert files()[0].state is AttachmentState.STORED


@pytest.mark.shows("C15")
def test_a_file_that_nobody_brought_is_listed_with_the_reason(place, files, runtime):
    place(message(attachments=[{"name": "a.pdf"}]))

    (one,) = files()
    assert (one.state, one.reason) == (
        AttachmentState.GONE,
        "the message came without it",
    )
    assert not any(isinstance(job, StoreFiles) for job in runtime.publisher.jobs)


@pytest.mark.shows("C15")
def test_too_many_files_are_counted(place, files):
    place(message(attachments=[{"name": f"{n}", "url": "x"} for n in range(1003)]))

    listed = files()
    assert len(listed) == 1000
    assert (listed[-1].state, listed[-1].reason) == (
        AttachmentState.REFUSED,
        "4 more files; of one message 999 are kept",
    )


def test_a_size_that_no_file_has_costs_no_message(place, files):
    (event,) = place(message(attachments=[{"url": "x", "size": 10**30}]))

    assert event.message_id
    assert files()[0].state is AttachmentState.PENDING


def test_a_part_that_the_mail_does_not_hold_is_gone(arrive, keep, files, change):
    message_id = arrive(multipart("mixed", text_part("Here"), PDF))
    change(place="9.9")

    assert keep(message_id).counts == {"gone": 1}
    assert files()[0].reason == "the mail does not hold it"


@pytest.mark.shows("A19")
def test_a_file_of_the_provider_is_fetched_with_the_accounts_token(
    place, keep, files, runtime, provider, at_provider
):
    provider.answer({"content": base64.b64encode(b"%PDF").decode()})
    (event,) = place(message(attachments=[file_at(provider)]))

    outcome = keep(event.message_id, at=at_provider)

    (request,) = provider.requests
    assert outcome.counts == {"stored": 1}
    assert request.headers["Authorization"] == "Bearer sandbox-test"
    assert request.path == "/v1/email/messages/m1/attachments/a1"
    assert runtime.storage.get(files()[0].storage_key) == b"%PDF"


@pytest.mark.shows("L2")
def test_the_accounts_token_goes_nowhere_else(place, keep, provider, at_provider):
    elsewhere = ScriptedServer()
    elsewhere.answer(b"bait")
    inside = f"{provider.url}/v1/account"
    provider.answer({"id": 1})
    urls = [f"{elsewhere.url}/v1/email/messages/m1/attachments/a1", inside]
    (event,) = place(message(attachments=[{"url": url} for url in urls]))

    keep(event.message_id, at=at_provider)

    elsewhere.close()
    for request in (*elsewhere.requests, *provider.requests):
        assert "Authorization" not in request.headers


@pytest.mark.shows("L2")
def test_by_default_no_address_leads_inside(place, keep, files, provider):
    (event,) = place(message(attachments=[{"url": f"{provider.url}/a"}]))

    keep(event.message_id)

    assert provider.requests == []
    assert (files()[0].state, files()[0].reason) == (
        AttachmentState.REFUSED,
        "its address is not one of https",
    )


@pytest.mark.shows("A19")
def test_what_the_provider_no_longer_has_is_gone(
    place, keep, files, provider, at_provider
):
    provider.answer({}, status=410)
    (event,) = place(message(attachments=[file_at(provider)]))

    outcome = keep(event.message_id, at=at_provider)

    (one,) = files()
    assert outcome.counts == {"gone": 1}
    assert (one.state, one.reason) == (
        AttachmentState.GONE,
        "the provider no longer has it",
    )


@pytest.mark.shows("A19")
def test_a_failing_provider_is_asked_six_times(
    place, keep, files, provider, at_provider, change, runtime
):
    (event,) = place(message(attachments=[file_at(provider)]))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        provider.answer({}, status=500)
        keep(event.message_id, at=at_provider)
        (one,) = files()
        assert one.attempts == attempt
        if attempt < MAX_ATTEMPTS:
            assert one.state is AttachmentState.PENDING
            assert one.next_attempt_at > one.updated_at
            assert keep(event.message_id, at=at_provider).counts == {}
            change(next_attempt_at=None)

    assert one.state is AttachmentState.FAILED
    assert one.reason.startswith("given up after 6 tries: RetryableError: aurinko: GET")
    assert keep(event.message_id, at=at_provider).counts == {}
    assert incidents(runtime) == ["attachment_failed"]


@pytest.mark.shows("K4")
def test_files_that_were_given_up_are_kept_when_somebody_lets_them_be_tried_again(
    place, keep, files, provider, at_provider, change, runtime
):
    (event,) = place(message(attachments=[file_at(provider), file_at(provider)]))
    change(attempts=MAX_ATTEMPTS - 1)
    provider.answer({}, status=500)
    provider.answer({}, status=500)
    keep(event.message_id, at=at_provider)
    given_up = [file.state for file in files()]
    with runtime.system_transaction() as tx:
        letters = [letter.id for letter in store.dead_letters.find(tx)]

    requeued = requeue_letters(runtime, letters)
    provider.answer({"content": ""})
    provider.answer({"content": ""})
    outcome = keep(event.message_id, at=at_provider)

    assert given_up == [AttachmentState.FAILED] * 2
    assert len(requeued) == 2
    assert outcome.counts == {"stored": 2}
    assert {file.reason for file in files()} == {None}


def test_a_busy_provider_costs_no_attempt_and_is_left_alone(
    place, keep, files, provider, at_provider
):
    provider.answer({}, status=429, headers={"Retry-After": "60"})
    one, other = place(
        message(attachments=[file_at(provider), file_at(provider)]),
        message(attachments=[file_at(provider)]),
    )

    outcome = keep(one.message_id, other.message_id, at=at_provider)

    assert outcome.counts == {"waits": 2}
    assert len(provider.requests) == 1
    assert [file.attempts for file in files()] == [0, 0, 0]
    for file in files():
        pause = file.next_attempt_at - file.updated_at
        assert pause > timedelta(seconds=55)


@pytest.mark.shows("A17")
def test_files_wait_too_where_polling_was_told_to_slow_down(
    place, keep, provider, at_provider, runtime, config
):
    provider.answer({"content": ""})
    (event,) = place(message(attachments=[file_at(provider)]))
    with runtime.transaction(config.workspace_id) as tx:
        store.tenants.hold_back(tx, config.id, tx.now + timedelta(minutes=1))

    outcome = keep(event.message_id, at=at_provider)

    assert outcome.counts == {}
    assert provider.requests == []
    assert overdue(runtime) == []


def test_refused_credentials_stop_the_account_until_there_are_new_ones(
    place, keep, files, provider, at_provider, runtime, config
):
    provider.answer({}, status=401)
    (event,) = place(message(attachments=[file_at(provider)]))
    keep(event.message_id, at=at_provider)
    with runtime.transaction(config.workspace_id) as tx:
        stopped = store.tenants.config(tx, config.id).status
    assert keep(event.message_id, at=at_provider).counts == {}
    assert overdue(runtime) == []

    renew_credentials(
        runtime, config.workspace_id, config.id, {"access_token": "sandbox-new"}
    )

    assert stopped is ConfigStatus.DISCONNECTED
    assert files()[0].attempts == 0
    provider.answer({"content": ""})
    assert keep(event.message_id, at=at_provider).counts == {"stored": 1}
    assert incidents(runtime) == ["account_disconnected"]


def test_what_came_with_its_mail_is_kept_while_the_account_stands_still(
    arrive, keep, runtime, config
):
    message_id = arrive(multipart("mixed", text_part("Here"), PDF))
    with runtime.transaction(config.workspace_id) as tx:
        store.tenants.set_config_status(tx, config.id, ConfigStatus.PAUSED, "")

    assert keep(message_id).counts == {"stored": 1}


def test_a_storage_that_is_away_costs_no_attempt(
    arrive, keep, files, runtime, tmp_path, change
):
    (tmp_path / "full").write_text("")
    away = replace(runtime, storage=LocalFiles(tmp_path / "full"))
    message_id = arrive(multipart("mixed", text_part("Here"), PDF, PROGRAM))

    outcome = keep(message_id, at=away)

    assert outcome.counts == {"waits": 2}
    assert [(one.state, one.attempts) for one in files()] == [
        (AttachmentState.PENDING, 0)
    ] * 2
    assert incidents(runtime) == ["storage_away"]
    change(next_attempt_at=None)
    assert keep(message_id).counts == {"stored": 2}


@pytest.mark.shows("B1")
def test_a_job_delivered_twice_does_nothing_twice(arrive, keep, audit):
    message_id = arrive(multipart("mixed", text_part("Here"), PDF))
    keep(message_id)

    assert keep(message_id).counts == {}
    assert audit() == 1


@pytest.mark.shows("A19", "G2")
def test_of_two_workers_one_downloads(place, keep, files, provider, at_provider):
    (event,) = place(message(attachments=[file_at(provider)]))
    provider.answer({"content": "eA=="}, delay=0.5)
    outcomes = []
    workers = [
        threading.Thread(
            target=lambda: outcomes.append(keep(event.message_id, at=at_provider))
        )
        for _ in range(2)
    ]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(len(one.counts) for one in outcomes) == [0, 1]
    assert len(provider.requests) == 1
    assert files()[0].state is AttachmentState.STORED


@pytest.mark.shows("K3")
@pytest.mark.parametrize(
    "point", ["store_files.claimed", "store_files.fetched", "store_files.put"]
)
def test_what_a_killed_worker_left_is_kept_by_the_next(
    arrive, keep, files, runtime, change, point
):
    class Killed(BaseException):
        pass

    def kill(reached):
        if reached == point:
            raise Killed

    message_id = arrive(multipart("mixed", text_part("Here"), PDF))
    with pytest.raises(Killed):
        keep(message_id, at=replace(runtime, checkpoint=kill))
    assert keep(message_id).counts == {}
    change(lease_expires_at=func.now() - timedelta(seconds=1))

    outcome = keep(message_id)

    (receipt,) = files()
    assert outcome.counts == {"stored": 1}
    assert receipt.attempts == 2
    assert runtime.storage.get(receipt.storage_key) == b"%PDF a receipt"


@pytest.mark.shows("K4")
def test_what_kills_its_worker_ends_and_takes_no_neighbour_along(
    arrive, keep, files, change, lose
):
    message_id = arrive(multipart("mixed", text_part("Here"), PROGRAM, PDF))
    poison, receipt = files()
    lose(poison, attempts=MAX_ATTEMPTS)

    outcome = keep(message_id)

    poison, receipt = files()
    assert outcome.counts == {"stored": 1, "failed": 1}
    assert receipt.state is AttachmentState.STORED
    assert poison.state is AttachmentState.FAILED
    assert "its worker was lost" in poison.reason


def test_a_worker_that_was_too_slow_overwrites_nothing(arrive, keep, files, runtime):
    message_id = arrive(multipart("mixed", text_part("Here"), PDF))
    config_id = files()[0].workspace_id
    with runtime.transaction(config_id) as tx:
        slow = store.attachments.take(
            tx, message_id, lease=timedelta(seconds=-1), leaving=()
        )
    keep(message_id)

    with runtime.transaction(config_id) as tx:
        saved = store.attachments.save(
            tx, slow, slow.files[0].id, {"state": AttachmentState.FAILED}
        )

    assert not saved
    assert files()[0].state is AttachmentState.STORED


def file_at(provider):
    return {
        "name": "a.pdf",
        "url": f"{provider.url}/v1/email/messages/m1/attachments/a1",
    }


def incidents(runtime):
    with runtime.system_transaction() as tx:
        return list(tx.session.scalars(select(Incident.kind)))


def overdue(runtime):
    with runtime.system_transaction() as tx:
        return store.attachments.take_overdue(tx, grace=timedelta(), limit=10)


@pytest.fixture
def arrive(runtime, make, config):
    """Lets a mail arrive as it comes over the wire; returns its message."""

    def arrive(body):
        raw = mail_of(body)
        item = Item(
            raw={"mime": base64.b64encode(raw).decode()}, message=read_mail(raw)
        )
        with runtime.transaction(config.workspace_id) as tx:
            (event_id,) = ingest(tx, config, [item], source=Source.IMPORT).event_ids
        materialize(runtime, make.materialize_job(config, [event_id]))
        return make.event(event_id).message_id

    return arrive


@pytest.fixture
def place(runtime, make, config):
    """Lets messages arrive that are no mails; returns their events."""

    def place(*messages):
        ids = make.events(config, *messages)
        materialize(runtime, make.materialize_job(config, ids))
        return [make.event(event_id) for event_id in ids]

    return place


@pytest.fixture
def keep(runtime, config):
    def keep(*message_ids, at=runtime):
        job = StoreFiles(workspace_id=config.workspace_id, message_ids=message_ids)
        return store_files(at, job)

    return keep


@pytest.fixture
def files(runtime):
    """All files there are, in order."""

    def files():
        with runtime.system_transaction() as tx:
            return tx.session.scalars(
                select(Attachment).order_by(Attachment.message_id, Attachment.position)
            ).all()

    return files


@pytest.fixture
def change(runtime):
    """Writes columns of all files, past what our code would check."""

    def change(**values):
        with runtime.system_transaction() as tx:
            tx.session.execute(Attachment.__table__.update().values(**values))

    return change


@pytest.fixture
def lose(runtime):
    """A worker took a file so often and was killed each time."""

    def lose(file, *, attempts):
        with runtime.system_transaction() as tx:
            tx.session.execute(
                Attachment.__table__.update()
                .where(Attachment.id == file.id)
                .values(
                    attempts=attempts,
                    lease_token=file.id,
                    lease_expires_at=func.now() - timedelta(seconds=1),
                )
            )

    return lose


@pytest.fixture
def audit(runtime):
    def audit():
        with runtime.system_transaction() as tx:
            return tx.session.scalar(
                select(func.count())
                .select_from(JobAudit)
                .where(JobAudit.job_type == "STORE_FILES")
            )

    return audit


@pytest.fixture
def provider():
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def at_provider(runtime, provider):
    """A runtime whose provider is a test's server; addresses of messages may lead inside."""
    settings = changed(runtime.settings, aurinko_url=provider.url)
    other = build_runtime(settings, runtime.publisher)
    return replace(
        runtime,
        adapters=other.adapters,
        downloads=Downloads(max_bytes=1000, allow_private=True),
    )
