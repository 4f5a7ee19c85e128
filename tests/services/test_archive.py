"""Old raw payloads leave the database, and come back as they were."""

import gzip
import hashlib
import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from app import store
from app.domain.schedule import Progress
from app.errors import NotFound, PermanentError, StorageAway
from app.jobs.contracts import Scheduled
from app.models import Archive, WebhookReceipt
from app.services.operations import schedule
from app.services.operations.archive import SLICE, archive_old, restore_archive
from app.services.operations.explain import explain_event
from app.services.operations.run_scheduled import run_scheduled
from app.services.pipeline.materialize import materialize
from app.storage.local import LocalFiles
from tests.factories import message

OLD, YOUNG = timedelta(days=181), timedelta(days=179)

#: What another language's numbers and texts would not keep as it is.
ODD = '{"amount": 12345678901234567890.1230, "text": "Grüße \\"🐝\\"\\nto\\\\u0041", "no": null}'


class Killed(BaseException):
    """The process is gone: nobody cleans up."""


@pytest.fixture
def current(runtime, tmp_path):
    """A runtime whose storage holds nothing but what the test brings about."""
    return replace(runtime, storage=LocalFiles(tmp_path / "files"))


@pytest.fixture
def files(tmp_path):
    """The stored files by name."""

    def files():
        found = (tmp_path / "files").rglob("*")
        return {path.name: path for path in found if path.is_file()}

    return files


@pytest.fixture
def sql(runtime):
    """Run a statement as the system; returns its rows."""

    def sql(statement, *params):
        with runtime.system_transaction() as tx:
            done = tx.session.connection().exec_driver_sql(statement, params)
            return done.all() if done.returns_rows else None

    return sql


@pytest.fixture
def old(make, config, sql):
    """Makes an event that is done with: `old(age=YOUNG, raw="{…}", status="failed")`."""

    def old(*, age=OLD, raw='{"a": 1}', status="stored", finished=True, **fields):
        (event_id,) = make.events(config, message(**fields))
        sql(
            "UPDATE message_events SET received_at = now() - %s, raw = %s::jsonb, status = %s,"
            " finished_at = CASE WHEN %s THEN now() END WHERE id = %s",
            *(age, raw, status, finished, event_id),
        )
        return event_id

    return old


@pytest.fixture
def raw(sql):
    """What the database has of an event, as text."""

    def raw(event_id):
        return sql("SELECT raw::text FROM message_events WHERE id = %s", event_id)[0][0]

    return raw


@pytest.fixture
def archives(runtime):
    def archives():
        with runtime.system_transaction() as tx:
            return list(tx.session.query(Archive).order_by(Archive.id))

    return archives


@pytest.fixture
def archive(current, workspace):
    def archive(longest=SLICE, **options):
        return archive_old(replace(current, **options), workspace.id, longest=longest)

    return archive


@pytest.fixture
def restore(current, workspace):
    def restore(archive_id):
        return restore_archive(
            current, archive_id, workspace_id=workspace.id, actor="test"
        )

    return restore


def test_old_payloads_are_moved_into_a_file_under_its_checksum(
    workspace, old, raw, archive, archives, files, make
):
    first, second = old(raw=ODD), old()

    done = archive()

    (found,) = archives()
    assert done == Progress({"raw": 2, "archives": 1})
    assert (raw(first), raw(second)) == (None, None)
    assert make.event(first).archive_id == make.event(second).archive_id == found.id
    content = files()[found.sha256].read_bytes()
    assert hashlib.sha256(content).hexdigest() == found.sha256
    assert found.storage_key == f"{workspace.id}/{found.sha256}"
    assert (found.kind, found.count, found.size) == ("raw", 2, len(content))
    lines = [json.loads(one) for one in gzip.decompress(content).splitlines()]
    assert [one["id"] for one in lines] == [str(first), str(second)]
    assert lines[1]["raw"] == {"a": 1}
    assert found.first_at == make.event(first).received_at
    assert found.last_at == make.event(second).received_at


@pytest.mark.parametrize(
    "kept",
    [
        {"age": YOUNG},
        {"finished": False, "status": "received"},
        {"status": "failed"},
    ],
    ids=["young", "unfinished", "given up before it had a place"],
)
def test_what_may_still_be_needed_stays(old, raw, archive, archives, files, kept):
    event_id = old(**kept)

    assert archive() == Progress()
    assert raw(event_id) == '{"a": 1}'
    assert (archives(), files()) == ([], {})


@pytest.mark.shows("A19")
@pytest.mark.parametrize(
    ("state", "taken"),
    [
        ("pending", False),
        ("failed", False),
        ("stored", True),
        ("refused", True),
        ("gone", True),
    ],
)
def test_a_mail_stays_until_its_files_are_settled(
    runtime, make, config, old, sql, raw, archive, state, taken
):
    event_id = old(
        attachments=[{"name": "a.pdf", "url": "https://files.example/a.pdf"}],
        finished=False,
        status="received",
    )
    materialize(runtime, make.materialize_job(config, [event_id]))
    sql("UPDATE message_events SET finished_at = now() WHERE id = %s", event_id)
    sql("UPDATE attachments SET state = %s", state)

    archive()

    assert (raw(event_id) is None) is taken


def test_an_event_that_failed_with_its_place_is_archived(old, sql, raw, archive, make):
    event_id = old(status="failed")
    sql("UPDATE message_events SET message_id = id WHERE id = %s", event_id)

    archive()

    assert raw(event_id) is None
    assert make.event(event_id).status == "failed"


@pytest.mark.shows("K1")
def test_killed_between_file_and_row_nothing_is_lost_and_the_file_is_found_again(
    old, raw, archive, archives, files
):
    event_id = old(raw=ODD)
    before = raw(event_id)

    def kill(point):
        if point == "archive.put":
            raise Killed

    with pytest.raises(Killed):
        archive(checkpoint=kill)
    orphans = set(files())
    after_the_kill = (raw(event_id), archives())
    archive()

    (found,) = archives()
    assert after_the_kill == (before, [])
    assert orphans == set(files()) == {found.sha256}
    assert raw(event_id) is None


def test_killed_before_the_file_nothing_has_happened(
    old, raw, archive, archives, files
):
    event_id = old()

    def kill(point):
        if point == "archive.read":
            raise Killed

    with pytest.raises(Killed):
        archive(checkpoint=kill)

    assert raw(event_id) == '{"a": 1}'
    assert (archives(), files()) == ([], {})


def test_a_storage_that_is_away_takes_nothing(old, raw, archive, archives, tmp_path):
    event_id = old()
    (tmp_path / "blocked").write_text("no directory")

    with pytest.raises(StorageAway):
        archive(storage=LocalFiles(tmp_path / "blocked"))

    assert raw(event_id) == '{"a": 1}'
    assert archives() == []


def test_what_is_put_back_before_a_stage_meanwhile_keeps_its_payload(
    runtime, old, raw, archive
):
    stays, goes = old(), old()

    def replay(point):
        if point == "archive.put":
            with runtime.system_transaction() as tx:
                store.events.reset(tx, [stays], status="received")

    archive(checkpoint=replay)

    assert raw(stays) == '{"a": 1}'
    assert raw(goes) is None


def test_where_all_was_put_back_meanwhile_the_work_ends(runtime, old, archive, raw):
    event_id = old()

    def replay(point):
        if point == "archive.put":
            with runtime.system_transaction() as tx:
                store.events.reset(tx, [event_id], status="received")

    assert archive(checkpoint=replay) == Progress()
    assert raw(event_id) == '{"a": 1}'


def test_a_run_ends_in_time_and_says_that_there_is_more(current, workspace, old, raw):
    event_id = old()

    done = archive_old(current, workspace.id, longest=timedelta(0))

    assert done == Progress({"raw": 1, "archives": 1}, more=True)
    assert raw(event_id) is None
    assert archive_old(current, workspace.id) == Progress()


@pytest.mark.parametrize(
    ("rows", "size", "taken"),
    [(2, 1000, 2), (10, 210, 3), (10, 200, 2), (10, 1, 1)],
    ids=["rows", "a bit of the third", "no bit of the third", "too large for any"],
)
def test_a_batch_is_bounded(runtime, workspace, old, rows, size, taken):
    ids = [old(raw=json.dumps({"a": "x" * 91}), age=OLD) for _ in range(4)]

    with runtime.transaction(workspace.id) as tx:
        found = store.archives.old_events(
            tx, before=tx.now, most_rows=rows, most_bytes=size
        )

    assert [row.id for row in found] == ids[:taken]


def test_what_is_restored_is_what_it_was(old, raw, archive, archives, restore):
    events = [old(raw=ODD), old(raw='{"mime": "RnJvbTo="}'), old(raw="[]")]
    before = [raw(one) for one in events]
    archive()
    (found,) = archives()

    first, second = restore(found.id), restore(found.id)

    assert [raw(one) for one in events] == before
    assert (first["held"], first["restored"]) == (3, 3)
    assert (second["held"], second["restored"]) == (3, 0)
    assert archives()[0].restored_at is not None


def test_what_is_restored_stays_for_as_long_as_what_is_new(
    old, raw, sql, archive, archives, restore, files
):
    event_id = old()
    archive()
    restore(archives()[0].id)

    soon = archive()
    kept = raw(event_id)
    sql("UPDATE archives SET restored_at = now() - %s", OLD)
    late = archive()

    assert (soon, kept) == (Progress(), '{"a": 1}')
    assert late == Progress({"raw": 1, "archives": 1})
    assert raw(event_id) is None
    (found,) = archives()
    assert found.restored_at is None
    assert len(files()) == 1


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8bnonsense"], ids=["empty", "other"])
def test_a_damaged_file_is_refused(old, raw, archive, archives, restore, files, damage):
    event_id = old()
    archive()
    (found,) = archives()
    files()[found.sha256].write_bytes(damage)

    with pytest.raises(
        PermanentError, match=r"is damaged: .* nothing was brought back"
    ):
        restore(found.id)

    assert raw(event_id) is None
    assert archives()[0].restored_at is None


def test_a_file_that_is_gone_is_named(old, archive, archives, restore, files):
    old()
    archive()
    (found,) = archives()
    files()[found.sha256].unlink()

    with pytest.raises(NotFound, match=f"gone from the storage: {found.storage_key}"):
        restore(found.id)


@pytest.mark.shows("L1")
def test_an_archive_of_another_workspace_is_not_there(
    current, make, old, archive, archives
):
    old()
    archive()
    (found,) = archives()

    with pytest.raises(NotFound, match=f"no archive {found.id}"):
        restore_archive(
            current, found.id, workspace_id=make.workspace().id, actor="test"
        )


@pytest.mark.shows("L1")
def test_what_is_archived_is_of_one_workspace(current, make, old, raw):
    event_id = old()

    assert archive_old(current, make.workspace().id) == Progress()
    assert raw(event_id) is not None


@pytest.fixture
def receipt(runtime, config, sql):
    """Makes a request of a provider; returns its id."""

    def receipt(*, age=OLD, body=b"\x00\xffbody"):
        with runtime.transaction(config.workspace_id) as tx:
            row = WebhookReceipt(
                workspace_id=config.workspace_id,
                config_id=config.id,
                provider="telegram",
                verdict="signed",
                headers={"content-type": "application/json"},
                query={"a": "b"},
                body=body,
                digest=hashlib.sha256(body).hexdigest(),
                items=2,
            )
            tx.session.add(row)
            tx.session.flush()
        sql(
            "UPDATE webhook_receipts SET received_at = now() - %s WHERE id = %s",
            *(age, row.id),
        )
        return row.id

    return receipt


def all_receipts(sql):
    columns = "id, config_id, provider, verdict, headers, query, body, digest, items"
    rows = sql(
        f"SELECT {columns}, received_at, workspace_id FROM webhook_receipts ORDER BY id"
    )
    return [
        tuple(bytes(v) if isinstance(v, memoryview) else v for v in r) for r in rows
    ]


def test_old_requests_are_archived_deleted_and_brought_back_as_they_were(
    sql, receipt, archive, archives, restore
):
    large = bytes(range(256)) * 40
    receipt(), receipt(body=large), receipt(age=YOUNG)
    before = all_receipts(sql)

    done = archive()
    left = all_receipts(sql)
    (found,) = archives()
    first, second = restore(found.id), restore(found.id)

    assert done == Progress({"receipts": 2, "archives": 1})
    assert left == before[2:]
    assert (found.kind, found.count) == ("receipts", 2)
    assert all_receipts(sql) == before
    assert (first["restored"], second["restored"]) == (2, 0)
    assert archive() == Progress()


@pytest.mark.parametrize("finished", [True, False])
def test_a_request_stays_until_all_that_it_brought_is_done(
    sql, old, receipt, archive, finished
):
    receipt_id = receipt()
    event_id = old(age=YOUNG, finished=finished, status="stored")
    sql("UPDATE message_events SET receipt_id = %s WHERE id = %s", receipt_id, event_id)

    archive()

    assert (all_receipts(sql) == []) is finished


def test_a_request_stays_until_what_it_announced_is_fetched(
    sql, config, receipt, archive
):
    receipt_id = receipt()
    sql(
        "INSERT INTO message_fetches (workspace_id, config_id, external_id, receipt_id)"
        " VALUES (%s, %s, 'm1', %s)",
        *(config.workspace_id, config.id, receipt_id),
    )
    archive()
    waiting = all_receipts(sql)
    sql("UPDATE message_fetches SET finished_at = now()")

    archive()

    assert len(waiting) == 1
    assert all_receipts(sql) == []


def test_a_request_of_an_account_that_is_gone_is_not_brought_back(
    sql, config, receipt, archive, archives, restore
):
    receipt()
    archive()
    sql("DELETE FROM channel_configs WHERE id = %s", config.id)

    assert restore(archives()[0].id)["restored"] == 0


@pytest.mark.shows("L6")
def test_an_explanation_says_where_the_payload_is(
    runtime, old, archive, archives, restore
):
    event_id = old()
    before = explain_event(runtime, event_id)["raw"]
    archive()
    (found,) = archives()
    archived = explain_event(runtime, event_id)["raw"]
    restore(found.id)
    after = explain_event(runtime, event_id)["raw"]

    assert before == {"kept": True, "archive": None}
    assert archived["kept"] is False
    assert archived["archive"]["id"] == found.id
    assert archived["archive"]["storage_key"] == found.storage_key
    assert after["kept"] is True
    assert after["archive"]["restored_at"] is not None


def test_an_archived_event_can_still_be_replayed(
    runtime, make, config, old, raw, archive
):
    event_id = old(body_text="Is the shop open?")
    archive()
    with runtime.transaction(config.workspace_id) as tx:
        store.events.reset(tx, [event_id], status="received")

    materialize(runtime, make.materialize_job(config, [event_id]))

    event = make.event(event_id)
    assert event.message_id is not None
    assert raw(event_id) is None
    assert make.messages_of([event_id])[0].body == "Is the shop open?"


def test_retention_is_scheduled_and_archives(current, workspace, old, raw):
    event_id = old()
    (scheduled,) = schedule.tick(current)

    done = run_scheduled(
        current, Scheduled(workspace_id=workspace.id, scheduled_id=scheduled.id)
    )

    assert scheduled.kind == "retention"
    assert done.counts == {"done": 1, "raw": 1, "archives": 1}
    assert raw(event_id) is None


def test_two_runs_at_once_archive_everything_once(old, raw, archive, archives):
    event_id = old()

    def meanwhile(point):
        if point == "archive.put":
            archive()

    done = archive(checkpoint=meanwhile)

    assert done == Progress()
    assert raw(event_id) is None
    assert [one.count for one in archives()] == [1]


def test_what_somebody_holds_is_left_alone_and_not_waited_for(
    runtime, old, raw, archive
):
    held, free = old(), old()

    with ExitStack() as elsewhere:

        def lock(point):
            if point == "archive.put":
                tx = elsewhere.enter_context(runtime.system_transaction())
                tx.session.connection().exec_driver_sql(
                    "SELECT FROM message_events WHERE id = %s FOR UPDATE", (held,)
                )

        # One batch only: the next would meet the same lock.
        done = archive(checkpoint=lock, longest=timedelta(0))

    assert done == Progress({"raw": 1, "archives": 1}, more=True)
    assert (raw(held), raw(free)) == ('{"a": 1}', None)
    assert archive() == Progress({"raw": 1, "archives": 1})


def test_while_the_storage_is_away_retention_is_tried_again(
    current, workspace, old, raw, tmp_path
):
    event_id = old()
    (tmp_path / "blocked").write_text("no directory")
    away = replace(current, storage=LocalFiles(tmp_path / "blocked"))
    (scheduled,) = schedule.tick(current)
    job = Scheduled(workspace_id=workspace.id, scheduled_id=scheduled.id)

    done = run_scheduled(away, job)

    (after,) = schedule.list_scheduled(current)
    assert done.counts == {"failed": 1}
    assert "the storage fails" in after.last_error
    assert after.next_run_at - after.last_finished_at < timedelta(seconds=10)
    assert raw(event_id) == '{"a": 1}'
