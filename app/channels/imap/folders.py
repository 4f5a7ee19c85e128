"""Which of a mailbox's folders hold what was received and what was sent.

What a folder is for says the server (RFC 6154), the account's settings, or else its name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from app.channels.imap.answers import Folder
from app.errors import PermanentError

#: Each costs a question per poll.
MAX_FOLDERS = 100
SETTING = "imap_folders"

_SENT = frozenset(
    {
        *("sent", "sent items", "sent messages", "sent mail", "sent-mail", "sentmail"),
        *("gesendet", "gesendete objekte", "gesendete elemente"),
        *("gesendete nachrichten", "gesendete e-mails", "postausgang gesendet"),
        *("envoyés", "éléments envoyés", "messages envoyés", "courrier envoyé"),
        *("enviados", "elementos enviados", "mensajes enviados", "correo enviado"),
        *("itens enviados", "mensagens enviadas", "e-mails enviados", "enviadas"),
        *("inviata", "inviati", "posta inviata", "elementi inviati"),
        *("verzonden", "verzonden items", "verzonden berichten"),
        *("verzonden objecten", "sendt", "sendte elementer", "sendt post"),
        *("sendte meldinger", "skickat", "skickade objekt", "skickade meddelanden"),
        *("lähetetyt", "lähetetyt kohteet", "wysłane", "elementy wysłane"),
        *("odeslané", "odeslaná pošta", "odoslané", "odoslaná pošta"),
        *("elküldött elemek", "elküldött", "elküldött üzenetek", "trimise"),
        *("elemente trimise", "poslano", "poslane stavke", "poslata pošta"),
        *("gönderilmiş öğeler", "gönderilenler", "gönderilmiş postalar"),
        *("απεσταλμένα", "отправленные", "надіслані", "изпратени", "נשלח"),
        *("פריטים שנשלחו", "المرسلة", "العناصر المرسلة", "送信済み"),
        *("送信済みメール", "送信済みアイテム", "已发送", "已发送邮件"),
        *("已傳送的郵件", "寄件備份", "보낸편지함", "보낸 편지함", "đã gửi"),
        *("terkirim", "saadetud", "saadetud kirjad", "išsiųsta", "nosūtītie"),
    }
)
_NEVER = frozenset(
    {
        *("drafts", "draft", "entwürfe", "entwurf", "brouillons", "borradores"),
        *("rascunhos", "bozze", "concepten", "kladder", "utkast", "luonnokset"),
        *("wersje robocze", "szkice", "koncepty", "rozepsané", "piszkozatok"),
        *("ciorne", "taslaklar", "πρόχειρα", "черновики", "чернетки", "טיוטות"),
        *("المسودات", "下書き", "草稿", "草稿箱", "임시보관함", "임시 보관함"),
        *("junk", "junk e-mail", "junk email", "junk mail", "spam", "bulk mail"),
        *("spamverdacht", "unerwünscht", "junk-e-mail", "courrier indésirable"),
        *("indésirables", "pourriel", "correo no deseado", "lixo eletrônico"),
        *("posta indesiderata", "ongewenste e-mail", "ongewenst", "uønsket e-post"),
        *("uønsket mail", "skräppost", "roskaposti", "wiadomości-śmieci"),
        *("nevyžádaná pošta", "levélszemét", "gereksiz e-posta", "спам"),
        *("迷惑メール", "垃圾邮件", "垃圾郵件", "스팸메일함", "스팸 메일함"),
        *("trash", "deleted", "deleted items", "deleted messages", "bin"),
        *("papierkorb", "gelöscht", "gelöschte objekte", "gelöschte elemente"),
        *("corbeille", "éléments supprimés", "papelera", "elementos eliminados"),
        *("lixeira", "lixo", "itens excluídos", "cestino", "posta eliminata"),
        *("prullenbak", "prullenmand", "verwijderde items", "papirkurv"),
        *("slettet post", "slettede elementer", "papperskorgen", "borttaget"),
        *("borttagna objekt", "roskakori", "poistetut", "kosz", "elementy usunięte"),
        *("koš", "odstraněná pošta", "kôš", "törölt elemek", "kuka", "lomtár"),
        *("coș de gunoi", "çöp", "silinmiş öğeler", "κάδος", "корзина", "кошик"),
        *("удаленные", "удалённые", "אשפה", "سلة المهملات", "ごみ箱", "ゴミ箱"),
        *("已删除邮件", "已删除", "垃圾桶", "휴지통", "outbox", "postausgang"),
    }
)
_NEVER_FLAGS = frozenset({"\\drafts", "\\junk", "\\trash"})
_GMAIL_ROOTS = frozenset({"[gmail]", "[google mail]"})


@dataclass(frozen=True)
class Choice:
    """The folders to read, each in one place only."""

    sent: list[Folder]
    received: list[Folder]

    @property
    def watched(self) -> list[tuple[Folder, bool]]:
        """What to poll, and whether it holds what was sent. Sent mail first."""
        sent = [(folder, True) for folder in self.sent]
        return sent + [(folder, False) for folder in self.received]


def choose(
    folders: Sequence[Folder], settings: dict[str, Any], *, is_gmail: bool
) -> Choice:
    """Choose among a mailbox's folders.

    Raises PermanentError where the settings cannot be used, or name a folder that is not there or
    never read: drafts, junk and trash.
    """
    named = _settings(settings)
    sent = _named(folders, named["SENT"]) or _sent(folders)
    received = _named(folders, named["INBOX"]) or _inbox(folders)
    received += _also(folders, named["also"], besides=[*sent, *received])
    if everything := [one for one in received if "\\all" in one.flags]:
        # It holds what the others hold; Gmail's labels tell what was sent.
        received = everything[:1]
        sent = [] if is_gmail else sent
    if len(sent) + len(received) > MAX_FOLDERS:
        raise _unusable(f"more than {MAX_FOLDERS} folders would have to be watched")
    return Choice(sent, received)


def _settings(settings: dict[str, Any]) -> dict[str, list[str]]:
    told = settings.get(SETTING, {})
    if not isinstance(told, dict) or set(told) - {"INBOX", "SENT", "also"}:
        raise _unusable("it is an object with INBOX, SENT and also")
    named: dict[str, list[str]] = {}
    for role in ("INBOX", "SENT", "also"):
        value = told.get(role, [])
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise _unusable(f"{role} is the name of a folder or a list of names")
        named[role] = names
    return named


def _named(folders: Sequence[Folder], names: Iterable[str]) -> list[Folder]:
    return [_one(folders, name) for name in names]


def _one(folders: Sequence[Folder], name: str) -> Folder:
    found = next((one for one in folders if _is_called(one, name)), None)
    if found is None:
        raise _unusable(f"the mailbox has no folder {name[:100]!r}")
    if _is_never_read(found, folders):
        raise _unusable(f"{name[:100]!r} holds drafts, junk or trash: never read")
    return found


def _also(
    folders: Sequence[Folder], patterns: Iterable[str], besides: Sequence[Folder]
) -> list[Folder]:
    """What the patterns name; a pattern may match nothing, a plain name must be there."""
    chosen: list[Folder] = []
    for pattern in patterns:
        # `[Gmail]/All Mail` is a name, whatever its brackets mean in a pattern.
        is_name = any(_is_called(one, pattern) for one in folders)
        if not is_name and any(mark in pattern for mark in "*?["):
            matching = [
                one
                for one in folders
                if _matches(one, pattern)
                and not _is_never_read(one, folders)
                # Views of what lies elsewhere; who wants them names them.
                and not one.flags & {"\\all", "\\flagged", "\\important"}
            ]
        else:
            matching = [_one(folders, pattern)]
        chosen += [one for one in matching if one not in chosen and one not in besides]
    return chosen


def _matches(folder: Folder, pattern: str) -> bool:
    return fnmatchcase(folder.name, pattern) or fnmatchcase(_path(folder), pattern)


def _is_called(folder: Folder, name: str) -> bool:
    if name.casefold() == "inbox":
        return folder.name.casefold() == "inbox"
    return name in {folder.name, _path(folder)}


def _path(folder: Folder) -> str:
    """The name with slashes between its levels, whatever the server puts there."""
    return (
        folder.name.replace(folder.delimiter, "/") if folder.delimiter else folder.name
    )


def _inbox(folders: Sequence[Folder]) -> list[Folder]:
    found = [one for one in folders if one.name.casefold() == "inbox"]
    # It is always there, listed or not.
    return found[:1] or [Folder("INBOX", b"INBOX", "", frozenset())]


def _sent(folders: Sequence[Folder]) -> list[Folder]:
    """What the server says is for sent mail, and what programs made beside it by their own name."""
    flagged = [one for one in folders if "\\sent" in one.flags]
    by_name = [
        one
        for one in folders
        if one not in flagged
        and _own_name(one) in _SENT
        and not _is_never_read(one, folders)
    ]
    return flagged + by_name


def _own_name(folder: Folder) -> str | None:
    """The name of a folder at the top, or right below the inbox; None further down.

    A folder of that name deeper down belongs to somebody else, or to something that was archived.
    """
    levels = _path(folder).casefold().split("/")
    if len(levels) == 2 and levels[0] in {"inbox", *_GMAIL_ROOTS}:
        return levels[1]
    return levels[0] if len(levels) == 1 else None


def _is_never_read(folder: Folder, folders: Sequence[Folder]) -> bool:
    """Whether it, or what it lies in, is for drafts, junk or trash."""
    if folder.flags & _NEVER_FLAGS or _own_name(folder) in _NEVER:
        return True
    return any(
        one.delimiter
        and folder.name.startswith(one.name + one.delimiter)
        and (one.flags & _NEVER_FLAGS or _own_name(one) in _NEVER)
        for one in folders
    )


def _unusable(fault: str) -> PermanentError:
    return PermanentError(f"imap: the setting {SETTING} is not usable: {fault}")
