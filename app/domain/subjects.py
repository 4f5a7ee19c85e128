"""What a subject line says beside its words: that it answers, or that it hands something on."""

import re
import unicodedata
from dataclasses import dataclass

from app.domain.printable import plain

#: Of a subject; nobody's is longer.
_MAX = 1_000
#: A mailer that counts its answers writes one prefix; two dozen is an accident of many.
_MAX_PREFIXES = 24

_REPLY = (
    *("re", "aw", "antw", "antwort", "sv", "vs", "odp", "rif", "res", "resp", "ynt"),
    *("atb", "ref", "réf", "rép", "bls", "vá", "ats", "hv", "ha", "на", "отв", "ответ"),
    *(
        "σχετ",
        "απ",
        "回复",
        "回覆",
        "答复",
        "答覆",
        "返信",
        "답장",
        "회신",
        "رد",
        "תגובה",
    ),
)
_FORWARD = (
    *("fwd", "fw", "wg", "tr", "rv", "enc", "i", "doorst", "vl", "vb", "vid", "vidb"),
    *("pd", "ilt", "i̇lt", "továbbítás", "prp", "pf", "fs", "vedr", "trs", "rtv", "fyi"),
    *(
        "пер",
        "пересл",
        "προωθ",
        "转发",
        "轉寄",
        "轉發",
        "転送",
        "전달",
        "إعادة توجيه",
        "הועבר",
    ),
)
#: Finnish and Danish mailers write "VS" where Swedish ones answer with "SV" and forward with "VB".
_AMBIGUOUS = frozenset({"vs"})

_PREFIX = re.compile(
    r"\s*(?:(\[[^\]]{0,80}\])|(" + "|".join(map(re.escape, _REPLY + _FORWARD)) + r")"
    r"\s{0,3}(?:\[\d{1,4}\]|\(\d{1,4}\)|\^?\d{1,4})?\s{0,3}[:：])",
    re.IGNORECASE,
)
_REPLY_WORDS = frozenset(_REPLY) - _AMBIGUOUS

#: What many unrelated mails are called.
_GENERIC = frozenset(
    {
        *("no subject", "kein betreff", "sans objet", "sin asunto", "nessun oggetto"),
        *("sem assunto", "geen onderwerp", "inget ämne", "brak tematu", "без темы"),
        *("无主题", "無主題", "件名なし", "제목 없음", "none", "untitled", "test"),
        *("good morning", "good afternoon", "good day", "guten tag", "guten morgen"),
        *(
            "thank you",
            "thanks a lot",
            "vielen dank",
            "muchas gracias",
            "merci beaucoup",
        ),
        *("hi there", "hello there", "a question", "quick question", "eine frage"),
        *(
            "my order",
            "your order",
            "new order",
            "order confirmation",
            "meine bestellung",
        ),
        *("ihre bestellung", "neue bestellung", "votre commande", "ma commande"),
        *("su pedido", "mi pedido", "tu pedido", "il tuo ordine", "uw bestelling"),
        *(
            "your invoice",
            "new invoice",
            "ihre rechnung",
            "votre facture",
            "su factura",
        ),
        *("contact form", "new message", "kontaktformular", "neue nachricht"),
        *(
            "formulaire de contact",
            "nouveau message",
            "nuevo mensaje",
            "urgent request",
        ),
        *("meeting request", "status update", "weekly report", "daily report"),
        *("information request", "further information", "price request", "please help"),
    }
)
_WORD = re.compile(r"\w+")
#: Scripts that put no blanks between words.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_MIN_UNSPACED = 6

#: Words of the language as well, or of the trade: "Ref: 1042" is not what a mailer wrote.
_ALSO_WORDS = frozenset({"ref", "res", "ha", "hv", "на", "atb", "ats"})
_LONGEST_ANSWER = 400


@dataclass(frozen=True)
class Subject:
    """A subject line taken apart."""

    text: str
    """The words alone, folded: equal for a mail and its answers."""
    is_reply: bool
    is_forward: bool

    @property
    def is_telling(self) -> bool:
        """Whether two mails that share it are likely to be about the same thing."""
        if self.text in _GENERIC:
            return False
        if len(_UNSPACED.findall(self.text)) >= _MIN_UNSPACED:
            return True
        words = [word for word in _WORD.findall(self.text) if not word.isdigit()]
        return len(words) >= 2


def read_subject(subject: str | None) -> Subject:
    """Take the prefixes off a subject, in many languages and any number."""
    text = unicodedata.normalize("NFKC", (subject or "")[:_MAX]).lower()
    is_reply = is_forward = False
    at = 0
    for _ in range(_MAX_PREFIXES):
        match = _PREFIX.match(text, at)
        if match is None:
            break
        at = match.end()
        if word := match[2]:
            is_reply = is_reply or word in _REPLY_WORDS
            is_forward = is_forward or word not in _REPLY_WORDS
    return Subject(" ".join(text[at:].strip(" ()[].!?-").split()), is_reply, is_forward)


def subject_of_answer(subject: str | None) -> str:
    """Return the subject of an answer: "Re:" once, whatever the answers before it were marked with.

    What names a list or a ticket stays, and so does a mark of forwarding. One line always.
    """
    text = plain(subject)[:_MAX]
    tags: list[str] = []
    at = 0
    for _ in range(_MAX_PREFIXES):
        match = _PREFIX.match(text, at)
        if match is None:
            break
        if match[1]:
            tags.append(match[1])
        elif match[2].lower() not in _REPLY or match[2].lower() in _ALSO_WORDS:
            break
        at = match.end()
    words = [*dict.fromkeys(tags), text[at:].strip()]
    return " ".join(filter(None, ["Re:", *words]))[:_LONGEST_ANSWER].strip()
