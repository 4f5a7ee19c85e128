"""Scoring of conversations: through the real pipeline, with the numbers that follow from the truth."""

import pytest
from sqlalchemy import create_engine, make_url, text

from app.errors import InvalidInput
from evaluation.causes import NAMED, NOTHING
from evaluation.mails import read_mails
from evaluation.pipeline import database_beside, pipeline, send_through
from evaluation.threading import score_threading
from tests.evaluation.corpora import exists, mail, reply

#: One thread of three, and one mail alone.
MAILS = [
    mail("a@x"),
    reply("b@x", "a@x"),
    reply("c@x", "a@x", "b@x"),
    mail("d@x", sender="bo@example.com"),
]
TRUTH = [
    {
        "message_ids": ["a@x", "b@x", "c@x"],
        "parent_edges": [["b@x", "a@x"], ["c@x", "b@x"]],
    },
    {"message_ids": ["d@x"]},
]


@pytest.fixture
def score(ringing, write_mbox, write_rows):
    """Score mails against a truth; returns the record and the floors by name."""

    def score(mails, truth, **options):
        report = score_threading(
            ringing, write_mbox(*mails), write_rows(*truth), **options
        )
        return report.record, {floor.name: floor for floor in report.floors}

    return score


def test_what_agrees_with_the_truth_scores_one(score):
    record, floors = score(MAILS, TRUTH)

    (run,) = record["runs"]
    assert (run["precision"], run["recall"], run["f1"]) == (1.0, 1.0, 1.0)
    assert (run["events"], run["unplaced"]) == (4, 0)
    assert run["exact_threads"]["count"] == run["exact_threads"]["of"] == 2
    assert run["replies_with_parent"]["share"] == 1.0
    assert run["torn"] == run["mixed_up"] == []
    assert all(floor.holds for floor in floors.values())


def test_a_wrong_truth_costs_exactly_its_pairs(score):
    wrong = [{"message_ids": ["a@x", "b@x"]}, {"message_ids": ["c@x", "d@x"]}]

    record, floors = score(MAILS, wrong)

    (run,) = record["runs"]
    # Together are ab, ac, bc; true are ab, cd.
    assert (run["pairs_found"], run["pairs_true"], run["pairs_both"]) == (3, 2, 1)
    assert run["precision"] == pytest.approx(1 / 3, abs=1e-6)
    assert (run["recall"], run["f1"]) == (0.5, 0.4)
    assert run["exact_threads"]["count"] == 0
    assert run["mixed_up"] == [{"pairs": 2, "sizes": [2, 1], "ids": ["a@x", "c@x"]}]
    assert run["torn"] == [{"pairs": 1, "sizes": [1, 1], "ids": ["c@x", "d@x"]}]
    assert run["mixed_up_pairs_by_cause"] == {NAMED: 2}
    assert run["torn_pairs_by_cause"] == {NOTHING: 1}
    assert not floors["threading F1"].holds


def test_replies_apart_from_what_they_answer_are_counted(score):
    truth = [{"message_ids": ["a@x", "d@x"], "parent_edges": [["d@x", "a@x"]]}]

    record, _ = score(MAILS, truth)

    assert record["runs"][0]["replies_with_parent"]["count"] == 0
    assert record["runs"][0]["replies_with_parent"]["of"] == 1
    assert record["not_in_truth"] == 2


def test_mails_that_share_an_id_are_left_out_and_counted(score):
    reused = mail("d@x", text="Something else", sender="eve@example.com")

    record, _ = score([*MAILS, reused, MAILS[0]], TRUTH)

    (run,) = record["runs"]
    assert (run["events"], run["duplicates"], run["sharing_an_id"]) == (5, 1, 2)
    assert record["not_in_truth"] == 2
    assert record["not_in_mailbox"] == 1
    assert run["f1"] == 1.0


def test_siblings_meet_in_whatever_order_they_arrive(score):
    mails = [mail("a@x"), *(reply(f"r{n}@x", "a@x") for n in range(4)), mail("z@x")]
    truth = [{"message_ids": ["a@x", *(f"r{n}@x" for n in range(4))]}]

    record, floors = score(mails, truth, backwards=True, seeds=[1, 2])

    orders = [run["order"] for run in record["runs"]]
    assert orders == ["file", "backwards", "seed 1", "seed 2"]
    assert [run["f1"] for run in record["runs"]] == [1.0] * 4
    assert [run["pairs_changed"] for run in record["runs"]] == [0] * 4
    assert floors["pairs that the order of arrival changes"].holds


def test_a_truth_about_other_mails_is_refused(score):
    with pytest.raises(InvalidInput, match="speaks of no mail"):
        score(MAILS, [{"message_ids": ["elsewhere@x"]}])


def test_mails_go_through_in_batches(ringing, write_mbox):
    mails = [one.mail for one in read_mails(write_mbox(*MAILS))]
    size = ringing.settings.ingest_batch_size
    seen = []

    mailbox = send_through(
        ringing,
        [*mails, *mails * size],
        progress=lambda count, position: seen.append(count),
    )

    assert (mailbox.events, mailbox.duplicates) == (4, 4 * size)
    assert seen == [*range(size, 4 * size + 1, size), 4 * size + 4]
    assert mailbox.outcomes == {"stored": 4}
    assert mailbox.ancestors({"c@x", "a@x"}) == {
        "a@x": frozenset(),
        "c@x": frozenset({"a@x", "b@x"}),
    }


@pytest.mark.usefixtures("environment")
def test_the_database_of_an_evaluation_is_gone_afterwards(servers, write_mbox):
    url = make_url(str(servers.database_url))
    own = database_beside(str(url.database))

    with pipeline(batch=2) as runtime:
        assert runtime.settings.ingest_batch_size == 2
        assert runtime.database.engine.url.database == own
        assert exists(url, own)
        mails = [one.mail for one in read_mails(write_mbox(*MAILS))]
        placed = list(send_through(runtime, mails).placed())

    assert {one.message_id for one in placed} == {"a@x", "b@x", "c@x", "d@x"}
    assert len({one.conversation_id for one in placed}) == 2
    assert not exists(url, own)


@pytest.mark.usefixtures("environment")
def test_what_a_killed_evaluation_left_behind_is_dropped(servers):
    url = make_url(str(servers.database_url))
    own = database_beside(str(url.database))
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{own}"')
    engine.dispose()

    with pipeline() as runtime, runtime.system_transaction() as tx:
        assert tx.session.scalar(text("SELECT count(*) FROM messages")) == 0

    assert not exists(url, own)


def test_the_name_of_its_database_is_never_the_products():
    for product in ("bizzybee", "x" * 63, "evaluation_", database_beside("bizzybee")):
        assert database_beside(product) != product
        assert len(database_beside(product)) < 63
