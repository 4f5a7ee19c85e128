"""Corpora in whatever form: the same mails come out, and faults name their place."""

import json
from functools import partial

import pytest

from app.errors import InvalidInput
from evaluation.corpora import find_corpora, truth_beside
from evaluation.mails import read_mails
from evaluation.rows import read_rows
from evaluation.spool import spooled
from evaluation.spread import batched, spread
from evaluation.truth import read_truth
from tests.evaluation.corpora import labelled, mail

ONE, TWO = mail("one@x"), mail("two@x", text="Other")


@pytest.fixture
def folder(tmp_path, write_mbox, write_rows):
    """The same two mails in five forms."""
    write_mbox(ONE, TWO)
    write_mbox(ONE, TWO, name="packed.mbox.gz")
    write_rows(labelled("human", ONE), labelled("human", TWO), name="rows.jsonl.gz")
    for place in ("maildir/cur/1", "maildir/cur/2", "loose/1.eml", "loose/in/2.eml"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ONE if "1" in path.name else TWO)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["box.mbox", "packed.mbox.gz", "rows.jsonl.gz", "maildir", "loose"]
)
def test_every_form_gives_the_same_mails(folder, name):
    mails = [one.mail.raw.strip() for one in read_mails(folder / name)]

    assert mails == [ONE.strip(), TWO.strip()]


def test_a_single_mail_is_a_corpus(folder):
    (one,) = read_mails(folder / "loose" / "1.eml")

    assert one.mail.raw == ONE


def test_names_say_nothing_of_the_mail(folder):
    names = [one.name for one in read_mails(folder / "box.mbox")]

    assert [name.partition("@")[0] for name in names] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "line 2: no JSON object"),
        ("[1]", "line 2: no JSON object"),
        ('{"raw": 7}', "line 2: raw is missing or no text"),
        ('{"raw": "secret words"}', "line 2: raw is no base64"),
    ],
)
def test_a_faulty_row_is_named_and_not_shown(tmp_path, line, fault):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(labelled("human", ONE)) + "\n" + line + "\n")

    with pytest.raises(InvalidInput, match=fault) as raised:
        list(read_mails(path))

    assert "secret" not in str(raised.value)


def test_empty_lines_of_rows_count_as_lines_only(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "first"}\n\n{}\n')

    assert [row.name for row in read_rows(path)] == ["first", "3"]


def test_true_ids_are_read_as_the_product_reads_ids(write_rows):
    path = write_rows({"message_ids": ["a@x", "<b@x>", '<"odd id" /C=GB/@x>']})

    assert set(read_truth(path).threads) == {"a@x", "b@x", '"oddid"/C=GB/@x'}


def test_an_id_in_two_threads_belongs_to_neither(write_rows):
    path = write_rows({"message_ids": ["a@x", "b@x"]}, {"message_ids": ["b@x", "c@x"]})

    truth = read_truth(path)

    assert set(truth.threads) == {"a@x", "c@x"}
    assert truth.threads["a@x"] != truth.threads["c@x"]
    assert truth.disputed == 1


@pytest.mark.parametrize(
    "row",
    [
        {"ids": []},
        {"message_ids": "a@x"},
        {"message_ids": [1]},
        {"message_ids": ["<>"]},
        {"message_ids": ["a@x"], "parent_edges": [["a@x"]]},
        {"message_ids": ["a@x"], "parent_edges": {"a@x": "b@x"}},
    ],
)
def test_a_truth_of_another_shape_is_refused(write_rows, row):
    with pytest.raises(InvalidInput, match="line 1"):
        read_truth(write_rows(row))


def test_a_folder_is_sorted_by_what_its_files_hold(folder, write_rows):
    write_rows({"message_ids": ["one@x"]}, name="packed.threads.jsonl")
    write_rows({"text": "Hi", "visible": "Hi"}, name="answers.jsonl")
    write_rows({"x": 1}, name="odd.jsonl")

    found = find_corpora(folder)

    boxes = {path.name: truth and truth.name for path, truth in found.mailboxes}
    assert boxes == {
        "box.mbox": None,
        "packed.mbox.gz": "packed.threads.jsonl",
        "maildir": None,
        "loose": None,
    }
    assert [path.name for path in found.labelled] == ["rows.jsonl.gz"]
    assert [path.name for path in found.replies] == ["answers.jsonl"]
    assert [path.name for path in found.unknown] == ["odd.jsonl"]


def test_a_truth_is_found_beside_its_mailbox_only(tmp_path, write_rows):
    write_rows({"message_ids": []}, name="other.threads.jsonl")

    assert truth_beside(tmp_path / "box.mbox") is None


def test_mails_set_aside_come_back_in_any_order(folder):
    mails = [one.mail for one in read_mails(folder / "box.mbox")]
    with spooled() as spool:
        passed = list(spool.keeping(mails))
        end = mails[-1].position
        again = list(spool.take([1, 0]))

    assert passed == mails
    assert [one.raw for one in again] == [mails[n].raw for n in (1, 0)]
    assert [one.position for one in again] == [end // 2, end]


def test_batches_are_bounded_in_number_and_in_bytes():
    sizes = [1, 1, 1, 20 * 1024 * 1024, 1]

    batches = list(batched(sizes, lambda size: size, most=2))

    assert batches == [[1, 1], [1, sizes[3]], [1]]


def test_work_that_is_spread_comes_back_in_order():
    batches = [[number] for number in range(9)]

    assert list(spread(partial(map_to, 2), batches)) == [[2 * n] for n in range(9)]


def test_what_goes_wrong_in_another_process_is_raised_here():
    with pytest.raises(InvalidInput, match="refused"):
        list(spread(refuse, [[1], [2], [3]]))


def map_to(factor, batch):
    return [factor * one for one in batch]


def refuse(batch):
    raise InvalidInput("refused")
