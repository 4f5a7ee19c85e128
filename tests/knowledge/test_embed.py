"""What is searched stays in step with the messages, and is embedded once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app import store
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import ChunkStatus
from app.errors import AuthError, PermanentError, RateLimited, RetryableError
from app.jobs.contracts import Embed
from app.models import DeadLetter, Incident, Message, RagChunk
from app.services.knowledge.embed import embed
from app.services.knowledge.run_embeddings import ring_for_embeddings
from app.services.operations.requeue import requeue_letters
from tests.factories import START
from tests.fakes import ScriptedEmbedder
from tests.http.client import changed

WISH = "Could you deliver the two blue mugs to the back door on Friday, please?"
LEASE = timedelta(seconds=10)
STALE = timedelta(minutes=30)


def paragraphs(*numbers):
    """Paragraphs that fill a piece of a hundred characters each."""
    return "\n\n".join(
        f"Paragraph {number} tells of mug {number}, which is blue and of the best clay."
        for number in numbers
    )


@pytest.mark.shows("J1")
def test_a_text_that_became_shorter_leaves_no_tail_and_is_not_embedded_again(
    small, say, edit, learn, chunks, embedder
):
    long = say(paragraphs(1, 2, 3, 4, 5))
    learn(runtime=small)
    before = chunks()
    embedder.calls.clear()

    edit(long, paragraphs(1, 2))
    done = learn(runtime=small)

    assert [one.position for one in before] == [0, 1, 2, 3, 4]
    assert [one.id for one in chunks()] == [one.id for one in before[:2]]
    assert {one.status for one in chunks()} == {ChunkStatus.EMBEDDED}
    assert embedder.calls == []
    assert done == {"messages": 1}


@pytest.mark.shows("J1")
def test_what_moved_within_its_message_takes_its_vector_along(
    small, say, edit, learn, chunks, embedder
):
    text = say(paragraphs(1, 2))
    learn(runtime=small)
    vectors = {one.text: one.embedding for one in chunks()}
    embedder.calls.clear()

    edit(text, paragraphs(3, 1, 2))
    learn(runtime=small)

    assert embedder.texts == [paragraphs(3)]
    moved = chunks()
    assert [one.text for one in moved] == [paragraphs(number) for number in (3, 1, 2)]
    assert [one.embedding for one in moved[1:]] == list(vectors.values())


@pytest.mark.shows("J3", "F5")
def test_a_message_that_was_taken_back_has_no_pieces(say, learn, chunks, runtime):
    message = say(WISH)
    learn()
    assert len(chunks()) == 1

    with runtime.system_transaction() as tx:
        store.changes.reshape(tx, message.id, {"deleted_at": START})
    learn()

    assert chunks() == []
    assert learn() == {}


def test_a_change_that_nobody_announced_is_noticed(say, learn, chunks, runtime):
    """Whoever writes the row, and whatever else was marked: the text itself is compared."""
    message = say(WISH)
    learn()

    with runtime.system_transaction() as tx:
        tx.session.execute(
            update(Message)
            .where(Message.id == message.id)
            .values(body_visible=f"{WISH} Thank you!")
        )
    learn()

    assert [one.text for one in chunks()] == [f"{WISH} Thank you!"]


@pytest.mark.shows("J2")
def test_only_what_somebody_said_to_somebody_is_embedded(
    say, learn, embedder, runtime, chunks
):
    secret = "sk-" + "a1B2" * 8
    say(
        f"{WISH} My key is {secret}.\n\n> You wrote that the red mugs are gone for good."
    )
    say("The customer seems difficult, let us be careful with them.", kind="event")
    draft = say("We will deliver on Friday, to the back door.", direction="outbound")
    with runtime.system_transaction() as tx:
        store.changes.reshape(tx, draft.id, {"delivery_status": "queued"})

    learn()

    (text,) = embedder.texts
    assert text.startswith(WISH)
    assert secret not in text
    assert "red mugs" not in text
    assert [one.text for one in chunks()] == [text]


def test_what_is_too_short_to_mean_anything_is_left_out_once(say, learn, chunks):
    say("Thanks!")

    assert learn() == {"messages": 1}
    assert learn() == {}
    assert chunks() == []


@pytest.mark.shows("J4")
def test_two_workers_never_embed_the_same_piece(say, learn, knowing, workspace, chunks):
    for number in range(12):
        say(f"{WISH} It is order {number}.")
    away = ScriptedEmbedder(RateLimited("not now", 0))
    learn(runtime=replace(knowing, embedder=away))
    job = Embed(workspace_id=workspace.id)
    start = threading.Barrier(2)
    few = replace(
        knowing,
        settings=changed(knowing.settings, embed_batch_size=2),
        embedder=ScriptedEmbedder(lambda: start.wait(10)),
    )
    other = replace(few, embedder=ScriptedEmbedder(lambda: start.wait(10)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda runtime: embed(runtime, job), (few, other)))

    texts = few.embedder.texts + other.embedder.texts
    assert len(texts) == len(set(texts)) == 12
    assert few.embedder.texts
    assert other.embedder.texts
    assert {one.status for one in chunks()} == {ChunkStatus.EMBEDDED}
    assert [one.attempts for one in chunks()] == [1] * 12


@pytest.mark.shows("J4")
def test_what_a_killed_worker_held_is_embedded_by_another(
    say, learn, chunks, runtime, workspace
):
    say(WISH)
    claim = die_with(runtime, workspace, learn)
    assert learn() == {}

    lapse(runtime)
    done = learn()

    (chunk,) = chunks()
    assert done == {"embedded": 1}
    assert chunk.attempts == 2
    with runtime.transaction(workspace.id) as tx:
        late = store.chunks.save(tx, claim, chunk.id, model="late", vector=[1.0])
    assert not late
    assert chunks()[0].model == "test/1"


def test_a_worker_that_hangs_loses_what_it_holds(
    say, learn, chunks, runtime, workspace
):
    say(WISH)
    die_with(runtime, workspace, learn)
    with runtime.system_transaction() as tx:
        tx.session.execute(update(RagChunk).values(updated_at=tx.now - STALE))

    assert learn() == {"embedded": 1}


@pytest.mark.shows("J4")
def test_a_piece_that_kills_its_workers_is_given_up(
    say, learn, chunks, embedder, runtime, workspace, rows_of
):
    say(WISH)
    die_with(runtime, workspace, learn)
    with runtime.system_transaction() as tx:
        tx.session.execute(update(RagChunk).values(attempts=MAX_ATTEMPTS))
    lapse(runtime)

    assert learn() == {"failed": 1}

    assert chunks()[0].status is ChunkStatus.FAILED
    (letter,) = rows_of(DeadLetter)
    assert (letter.job_type, letter.error) == (
        "EMBED",
        "PermanentError: its worker was lost",
    )
    assert embedder.calls == []


@pytest.mark.shows("J4")
def test_another_model_embeds_everything_anew_and_vectors_are_never_mixed(
    say, learn, chunks, knowing, runtime, workspace
):
    say(WISH)
    say(f"{WISH} It is urgent.")
    learn()
    newer = replace(knowing, embedder=ScriptedEmbedder(model="test/2"))
    with runtime.system_transaction() as tx:
        due = store.chunks.workspaces_due(tx, "test/2", stale=STALE, limit=9)

    done = learn(runtime=newer)

    assert due == [workspace.id]
    assert done == {"reset": 2, "embedded": 2}
    assert {(one.model, one.dimension) for one in chunks()} == {("test/2", 512)}
    assert learn(runtime=newer) == {}


def test_a_vector_of_what_was_said_before_is_not_written(
    say, edit, learn, chunks, knowing
):
    message = say(WISH)
    newer = f"{WISH} Or on Saturday."

    def change_meanwhile():
        edit(message, newer)
        learn(runtime=replace(knowing, embedder=ScriptedEmbedder()))

    done = learn(runtime=replace(knowing, embedder=ScriptedEmbedder(change_meanwhile)))

    assert done["lost"] == 1
    assert [(one.text, one.status) for one in chunks()] == [
        (newer, ChunkStatus.EMBEDDED)
    ]


@pytest.mark.parametrize(
    ("error", "outcome", "attempts"),
    [
        (RetryableError("away"), "put_off", 1),
        (RateLimited("slow down", 60), "waits", 0),
        (AuthError("the key is refused"), "waits", 0),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else "",
)
def test_an_outage_puts_pieces_off(
    say, learn, chunks, embedder, error, outcome, attempts
):
    say(WISH)
    embedder.script.append(error)

    assert learn()[outcome] == 1

    (chunk,) = chunks()
    assert (chunk.status, chunk.attempts) == (ChunkStatus.PENDING, attempts)
    assert chunk.next_attempt_at is not None
    assert learn() == {}


def test_an_outage_that_lasts_ends_in_a_dead_letter_that_can_be_tried_again(
    say, learn, chunks, embedder, runtime, rows_of
):
    say(WISH)
    embedder.script += [RetryableError("away")] * MAX_ATTEMPTS
    for _ in range(MAX_ATTEMPTS):
        learn()
        with runtime.system_transaction() as tx:
            tx.session.execute(update(RagChunk).values(next_attempt_at=None))
    assert chunks()[0].status is ChunkStatus.FAILED
    assert learn() == {}
    (letter,) = rows_of(DeadLetter)
    runtime.publisher.jobs.clear()

    requeued = requeue_letters(runtime, [letter.id])

    assert requeued == [letter.id]
    assert (
        Embed(workspace_id=letter.workspace_id, chunk_ids=(chunks()[0].id,))
        in runtime.publisher.jobs
    )
    assert learn() == {"embedded": 1}


def test_one_text_that_is_refused_spoils_no_other(
    say, learn, chunks, embedder, rows_of
):
    say(WISH)
    say(f"{WISH} It is urgent.")
    embedder.script.append([PermanentError("refused"), [1.0] * 4])

    assert learn()["failed"] == 1

    assert sorted(one.status for one in chunks()) == ["embedded", "failed"]
    assert len(rows_of(DeadLetter)) == 1


def test_beat_rings_for_what_is_not_searchable_yet(
    say, learn, knowing, workspace, make
):
    make.workspace()
    say(WISH)
    knowing.publisher.jobs.clear()

    rung = ring_for_embeddings(knowing)
    too_early = ring_for_embeddings(knowing)
    learn()
    later = ring_for_embeddings(knowing, forced=True)

    assert (rung, too_early, later) == (1, 0, 0)
    assert knowing.publisher.jobs == [Embed(workspace_id=workspace.id)]


@pytest.mark.parametrize(
    "left",
    [
        pytest.param({"lease_expires_at": None}, id="its worker never began"),
        pytest.param({"lease_expires_at": START}, id="its worker was killed"),
        pytest.param({"next_attempt_at": START}, id="its time has come"),
    ],
)
def test_beat_rings_for_what_was_left_behind(say, learn, runtime, knowing, left):
    say(WISH)
    learn(runtime=replace(knowing, embedder=ScriptedEmbedder(AuthError("no such key"))))
    assert ring_for_embeddings(knowing, forced=True) == 0
    with runtime.system_transaction() as tx:
        tx.session.execute(update(RagChunk).values({"next_attempt_at": None} | left))

    assert ring_for_embeddings(knowing, forced=True) == 1


def test_a_refused_key_is_an_incident(say, learn, embedder, rows_of):
    say(WISH)
    embedder.script.append(AuthError("the key is refused"))

    learn()

    (incident,) = rows_of(Incident)
    assert incident.dedupe_key == "credentials_refused:EMBED"


def die_with(runtime, workspace, learn):
    """Take what is due and do nothing with it."""
    embedder = ScriptedEmbedder(RateLimited("wait", 0))
    learn(runtime=replace(runtime, embedder=embedder))
    with runtime.transaction(workspace.id) as tx:
        claim = store.chunks.take(tx, limit=10, lease=LEASE, stale=STALE)
    assert claim.chunks
    return claim


def lapse(runtime):
    with runtime.system_transaction() as tx:
        tx.session.execute(
            update(RagChunk).values(lease_expires_at=func.now() - timedelta(seconds=1))
        )


@pytest.fixture
def small(knowing):
    """Pieces are short."""
    return replace(knowing, settings=changed(knowing.settings, chunk_size=100))


@pytest.fixture
def edit(runtime):
    def edit(message, text):
        with runtime.system_transaction() as tx:
            store.changes.reshape(tx, message.id, {"body": text, "body_visible": text})

    return edit


@pytest.fixture
def rows_of(runtime):
    def rows_of(model):
        with runtime.system_transaction() as tx:
            return list(tx.session.scalars(select(model)))

    return rows_of
