"""Which folders are read, among those that mailboxes have."""

import pytest

from app.channels.imap.answers import Folder
from app.channels.imap.folders import MAX_FOLDERS, choose
from app.errors import PermanentError

GMAIL = {
    "INBOX": "",
    "[Gmail]/All Mail": "\\all",
    "[Gmail]/Drafts": "\\drafts",
    "[Gmail]/Important": "\\important",
    "[Gmail]/Sent Mail": "\\sent",
    "[Gmail]/Spam": "\\junk",
    "[Gmail]/Starred": "\\flagged",
    "[Gmail]/Trash": "\\trash",
    "Invoices": "",
}


def test_the_server_says_what_a_folder_is_for():
    chosen = choice({"INBOX": "", "Ausgang": "\\sent", "Entwürfe": "\\drafts"})

    assert chosen == (["Ausgang"], ["INBOX"])


@pytest.mark.parametrize(
    "name",
    [
        *("Sent", "SENT ITEMS", "Gesendete Objekte", "Éléments envoyés", "Enviados"),
        *("Posta inviata", "Verzonden items", "Отправленные", "送信済みメール"),
        *("INBOX/Sent", "INBOX/Gesendet", "[Google Mail]/Gesendet"),
    ],
)
def test_else_its_name_says_so_in_many_languages(name):
    assert choice({"INBOX": "", name: "", "Other": ""}) == ([name], ["INBOX"])


def test_what_another_program_calls_sent_is_read_too():
    chosen = choice({"INBOX": "", "Sent Items": "", "Sent": "\\sent", "Gesendet": ""})

    assert chosen[0] == ["Sent", "Sent Items", "Gesendet"]


@pytest.mark.parametrize("name", ["Shared/Anna/Sent", "Archive/Sent", "Trash/Sent"])
def test_a_folder_of_that_name_further_down_is_somebody_elses(name):
    assert choice({"INBOX": "", name: "", "Trash": ""}) == ([], ["INBOX"])


def test_a_mailbox_may_have_nothing_but_an_inbox():
    assert choice({"Inbox": ""}) == ([], ["Inbox"])
    assert choice({}) == ([], ["INBOX"])


def test_the_settings_name_folders_and_patterns():
    chosen = choice(
        {"INBOX": "", "Kunden": "", "Support.A": "", "Support.B": "", "Neu": ""},
        {"INBOX": "Kunden", "SENT": ["Neu"], "also": ["Support/*"]},
        delimiter=".",
    )

    assert chosen == (["Neu"], ["Kunden", "Support.A", "Support.B"])


def test_a_pattern_leaves_out_what_is_never_read_and_mere_views():
    chosen = choice(
        {**GMAIL, "[Gmail]/Trash/Old": "", "Papierkorb": "", "Entwürfe": ""},
        {"also": "*"},
    )

    assert chosen == (["[Gmail]/Sent Mail"], ["INBOX", "Invoices"])


def test_all_of_gmail_is_read_once():
    settings = {"also": ["[Gmail]/All Mail", "Invoices"]}

    assert choice(GMAIL, settings, is_gmail=True) == ([], ["[Gmail]/All Mail"])


def test_all_of_another_server_does_not_tell_what_was_sent():
    folders = {"INBOX": "", "Sent": "\\sent", "All Mail": "\\all"}

    assert choice(folders, {"also": "All Mail"}) == (["Sent"], ["All Mail"])


def test_a_folder_that_is_named_twice_is_read_once():
    folders = {"INBOX": "", "Sent": "\\sent", "Archive": ""}

    chosen = choice(folders, {"also": ["Archive", "A*", "INBOX", "Sent"]})

    assert chosen == (["Sent"], ["INBOX", "Archive"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"also": "Nothing"}, "has no folder 'Nothing'", id="not there"),
        pytest.param({"SENT": "Trash"}, "never read", id="never read"),
        pytest.param({"also": [1]}, "also is the name", id="no name"),
        pytest.param({"sent": "Sent"}, "INBOX, SENT and also", id="no such role"),
        pytest.param(["Sent"], "INBOX, SENT and also", id="no object"),
        pytest.param({"also": "Many/*"}, "more than 100", id="too many"),
    ],
)
def test_settings_that_cannot_be_used_say_why(settings, words):
    many = {f"Many/{number}": "" for number in range(MAX_FOLDERS)}

    with pytest.raises(PermanentError, match=words):
        choice({"INBOX": "", "Trash": "\\trash", **many}, settings)


def choice(folders, settings=None, *, is_gmail=False, delimiter="/"):
    listed = [
        Folder(name, name.encode(), delimiter, frozenset(flags.split()))
        for name, flags in folders.items()
    ]
    told = {} if settings is None else {"imap_folders": settings}
    chosen = choose(listed, told, is_gmail=is_gmail)
    return [one.name for one in chosen.sent], [one.name for one in chosen.received]
