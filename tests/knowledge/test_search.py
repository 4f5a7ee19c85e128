"""Finding what was said."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from app import store
from app.domain.status import Scope
from app.errors import InvalidInput, RetryableError
from app.http import create_app
from app.jobs.contracts import Embed
from app.services.knowledge.embed import embed
from app.services.knowledge.search import search
from app.services.operations.diagnose import diagnose
from app.services.pipeline.materialize import materialize
from app.store import migrations
from app.store.transaction import Database
from tests.catalog import run_file
from tests.factories import START, Maker, message
from tests.fakes import ScriptedEmbedder

MUGS = "Could you deliver the two blue mugs to the back door on Friday, please?"
CHAIN = "The chain of my bicycle jumps off whenever I change into the third gear."
INVOICE = "Please send the invoice BB-1042 to our accountants once more, with the VAT."


def test_a_message_is_found_by_its_words(say, learn, find):
    say(MUGS)
    asked = say(INVOICE, subject="Invoice")
    learn()

    (hit,) = find("which invoice was 1042").items

    assert (hit.message_id, hit.conversation_id) == (asked.id, asked.conversation_id)
    assert (hit.text, hit.subject, hit.direction) == (INVOICE, "Invoice", "inbound")
    assert [hit.text[start:end] for start, end in hit.highlights] == ["invoice", "1042"]
    assert hit.found_by == ["words", "vector"]


def test_a_message_is_found_without_any_of_its_words(say, learn, find):
    """Here by the pieces of words; by meaning where a model embeds."""
    say(MUGS)
    asked = say(CHAIN)
    learn()

    found = find("bicycles chains")

    assert [hit.message_id for hit in found.items] == [asked.id]
    assert found.items[0].found_by == ["vector"]
    assert found.items[0].highlights == []
    assert (found.model, found.remark) == ("test/1", None)


def test_a_rare_word_counts_for_more_than_many_common_ones(say, learn, find):
    for number in range(6):
        say(f"When will you please send the order of the day? It is number {number}.")
    rare = say("The saddlebag, please: it does not hold on the rack of the bicycle.")
    learn()

    found = find("when will you please send the saddlebag")

    assert found.items[0].message_id == rare.id


def test_of_each_message_the_best_piece_is_shown(say, learn, find):
    filler = "It rained for the whole day, and nobody came by. " * 25
    asked = say(f"{filler}\n\n{CHAIN}\n\n{filler}{MUGS}")
    learn()

    (hit,) = find("bicycle third gear").items

    assert hit.message_id == asked.id
    assert CHAIN in hit.text


def test_other_alphabets_and_cases_are_found(say, learn, find):
    say("Die GRÖSSE der Schüssel passt nicht, bitte tauschen Sie sie um.")
    say(
        "请问我的蓝色自行车什么时候可以送到？我已经等了两个星期了，请尽快回复我，谢谢你们的帮助。"
    )
    learn()

    assert "GRÖSSE" in find("größe").items[0].text
    assert "自行车" in find("自行车").items[0].text


@pytest.mark.shows("J2", "L1")
def test_no_other_workspace_is_searched(say, learn, find, make, knowing, runtime):
    """Not even with a filter that asks for it: the database itself refuses."""
    foreign = make.workspace()
    say(MUGS, of=make.config(foreign))
    ours = say(f"{MUGS} At number 9.")
    learn()
    learn(foreign)

    assert [hit.message_id for hit in find("blue mugs").items] == [ours.id]
    with runtime.transaction(ours.workspace_id) as tx:
        seen = tx.session.execute(
            text("SELECT DISTINCT workspace_id FROM rag_chunks")
        ).scalars()
        assert seen.all() == [ours.workspace_id]
        tx.workspace_id = foreign.id  # as a crafted filter would
        vector = ScriptedEmbedder().embed([MUGS])[0]
        assert store.search.by_words(tx, ["blue", "mugs"], limit=9)[0] == []
        near = store.search.by_vector(tx, vector, model="test/1", nearness=0.1, limit=9)
        assert near == []


@pytest.mark.shows("J3", "F5")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"deleted_at": START}, id="taken back"),
        pytest.param({"body_visible": "Something else."}, id="edited"),
    ],
)
def test_what_is_no_longer_said_is_not_found_even_before_its_pieces_are_gone(
    say, learn, find, runtime, chunks, change
):
    message = say(MUGS)
    learn()
    with runtime.system_transaction() as tx:
        store.changes.reshape(tx, message.id, change)

    assert find("blue mugs").items == []
    assert len(chunks()) == 1


@pytest.mark.shows("J4")
def test_vectors_of_another_model_are_not_compared(say, learn, find, knowing):
    say(CHAIN)
    learn()
    newer = replace(knowing, embedder=ScriptedEmbedder(model="test/2"))

    assert find("bicycles chains", runtime=newer).items == []


def test_while_the_model_is_away_words_are_enough(say, learn, find, embedder):
    say(MUGS)
    learn()
    embedder.script.append(RetryableError("away"))

    found = find("blue mugs")

    assert [hit.found_by for hit in found.items] == [["words"]]
    assert (found.model, found.remark) == (None, "RetryableError: away")


def test_what_is_secret_in_a_question_stays_here(find, embedder):
    find("who said sk-" + "a1B2" * 8)

    assert embedder.texts == ["who said [removed]"]


@pytest.mark.parametrize("question", ["", "?!", "'", "\\", "—"])
def test_a_question_without_words_is_none(find, question):
    with pytest.raises(InvalidInput):
        find(question)


@pytest.mark.parametrize("question", ["a' | 'b", "mugs & !blue:*", "' OR true --"])
def test_a_question_is_words_and_no_query(say, learn, find, question):
    say(MUGS)
    learn()

    assert len(find(question).items) <= 1


@pytest.mark.parametrize("size", [1536, 3072])
def test_vectors_of_any_length_are_searched(say, learn, find, embedder, size):
    asked = say(CHAIN)
    other = say(MUGS)
    east, north = [1.0] + [0.0] * (size - 1), [0.0, 1.0] + [0.0] * (size - 2)
    embedder.vectors = {CHAIN: east, MUGS: north, "velocipede": east}
    learn()

    found = find("velocipede")

    assert [hit.message_id for hit in found.items] == [asked.id]
    assert other.id not in {hit.message_id for hit in found.items}


def test_the_nearest_of_many_are_found_by_their_index(runtime):
    """Else a large workspace would be read whole for every question."""
    with runtime.system_transaction() as tx:
        tx.session.execute(text("SET LOCAL enable_seqscan = off"))
        tx.session.execute(text("SET LOCAL enable_sort = off"))
        plan = tx.session.execute(
            text(
                "EXPLAIN SELECT id FROM rag_chunks WHERE dimension = 1536 ORDER BY"
                " embedding::bizzybee_vector.vector(1536) OPERATOR(bizzybee_vector.<=>)"
                " CAST(:vector AS real[])::bizzybee_vector.vector(1536) LIMIT 5"
            ),
            {"vector": [1.0] * 1536},
        ).scalars()

        assert any("ix_rag_chunks_nearest" in line for line in plan)


def test_without_the_extension_words_are_enough_and_it_may_come_later(
    blank, knowing, embedder
):
    engine = blank()
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP EXTENSION vector CASCADE")
    database = Database(engine.url.render_as_string(hide_password=False))
    bare = replace(knowing, database=database)
    make = Maker(bare)
    workspace = make.workspace()
    config = make.config(workspace)
    materialize(
        bare,
        make.materialize_job(config, make.events(config, message(body_text=MUGS))),
    )
    embed(bare, Embed(workspace_id=workspace.id))

    without = search(bare, workspace.id, "blue mug", limit=5)
    told = [one for one in diagnose(bare) if one.check == "extension vector"]
    with database.engine.begin() as connection:
        run_file(connection, "vectors.sql")
    later = search(bare, workspace.id, "blue mug", limit=5)
    database.dispose()

    assert [hit.found_by for hit in without.items] == [["words"]]
    assert without.remark == "pgvector is not installed"
    assert [(one.ok, bool(one.advice)) for one in told] == [(False, True)]
    assert [hit.found_by for hit in later.items] == [["words", "vector"]]


def test_search_over_http(say, learn, knowing, make, workspace):
    asked = say(MUGS)
    learn()
    client = create_app(knowing).test_client()
    key = {"Authorization": f"Bearer {make.key(workspace, Scope.READ)}"}

    done = client.get("/api/v1/search?q=blue+mugs&limit=5", headers=key)
    empty = client.get("/api/v1/search?q=%3F", headers=key)
    missing = client.get("/api/v1/search", headers=key)

    assert done.status_code == 200
    (hit,) = done.json["items"]
    assert hit["message_id"] == str(asked.id)
    assert hit["highlights"] == [[26, 30], [31, 35]]
    assert (empty.status_code, missing.status_code) == (400, 400)


def test_embeddings_are_run_over_http(say, learn, knowing, make, workspace):
    say(MUGS)
    client = create_app(knowing).test_client()
    key = {"Authorization": f"Bearer {make.key(workspace, Scope.OPS)}"}
    reader = {"Authorization": f"Bearer {make.key(workspace, Scope.READ)}"}
    knowing.publisher.jobs.clear()

    refused = client.post("/jobs/embeddings/run", headers=reader)
    first = client.post("/jobs/embeddings/run", headers=key)
    learn()
    second = client.post("/jobs/embeddings/run", headers=key)

    nothing = {"pending": 0, "processing": 0, "embedded": 0, "failed": 0}
    assert refused.status_code == 403
    assert (first.status_code, first.json) == (
        202,
        {
            "queued": True,
            "model": "test/1",
            "messages_waiting": 1,
            "rag_counts": nothing,
        },
    )
    assert second.json["queued"] is False
    assert second.json["rag_counts"] == nothing | {"embedded": 1}
    assert knowing.publisher.jobs == [Embed(workspace_id=workspace.id)]


@pytest.fixture
def find(knowing, workspace):
    def find(question, *, runtime=knowing, limit=10):
        return search(runtime, workspace.id, question, limit=limit)

    return find
