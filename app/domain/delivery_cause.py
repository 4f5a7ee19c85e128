"""Why a mail was not delivered, out of status codes and the words of servers."""

import re
from enum import StrEnum

#: RFC 3463, `5.1.1`; an address on the network has one number more.
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
#: RFC 5321, `550`: a server's answer goes on with a blank, a hyphen or a colon.
_REPLY = re.compile(
    r"(?<![\w.:/=-])[45][0-7]\d(?=[ :-])(?! *(?:seconds|minutes|hours))"
)


class Cause(StrEnum):
    NO_MAILBOX = "no_mailbox"
    MAILBOX_FULL = "mailbox_full"
    NO_HOST = "no_host"
    UNREACHABLE = "unreachable"
    """The server could not be reached, or not in time."""
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    """For what was in it or for who sent it: spam, virus, policy."""
    UNKNOWN = "unknown"


def status_in(text: str) -> str | None:
    """Return the first status code in the words of a server."""
    found = _STATUS.search(text)
    return found[0] if found else None


def is_permanent(status: str | None, text: str, cause: Cause) -> bool | None:
    """Whether another try is useless, or None where nothing tells."""
    code = status if status and status[0] in "45" else None
    reply = _REPLY.search(text)
    if code is not None:
        return code[0] == "5"
    if reply is not None:
        return reply[0][0] == "5"
    return _LASTS.get(cause)


def quotes_reply(text: str) -> bool:
    """Whether a text holds the code of a server's answer."""
    return bool(_REPLY.search(text) or _STATUS.search(text))


def cause_of(status: str | None, text: str) -> Cause:
    """Return what a status names or, where it says nothing, what the words name."""
    # Whoever names a full mailbox means it, while 5.1.1 is a habit of some servers.
    if _FULL.search(text):
        return Cause.MAILBOX_FULL
    if status and (cause := _BY_STATUS.get(status.partition(".")[2])):
        return cause
    for cause, words in _BY_WORDS:
        if words.search(text):
            return cause
    if status and status.partition(".")[2].startswith(("6.", "7.")):
        return Cause.REFUSED
    return Cause.UNKNOWN


_FULL = re.compile(
    r"(?:mail|in)?(?:box|folder|bin)(?: for .{1,60})? (?:is |was )?(?:\w+ )?full"
    r"|over.?quota|quota (?:is )?(?:exceed|full|violation)|exceed\w* .{0,40}quota"
    r"|exceed\w* .{0,30}storage|out of (?:disk |storage )?space|insufficient"
    r" (?:system|disk) (?:storage|space)|mailbox size limit|not enough (?:disk "
    r"|storage )?space|out of storage|postfach .{0,20}voll|speicherplatz"
    r"|bo[iî]te .{0,30}pleine|bandeja .{0,20}llena|buz[óo]n .{0,20}lleno"
    r"|casella .{0,20}piena|caixa .{0,30}cheia|mailbox .{0,15}vol\b"
    r"|переполнен|容量|一杯|邮箱已满|邮箱空间|가득",
    re.IGNORECASE,
)
#: What follows from a cause that no code stands beside. A full mailbox may be emptied.
_LASTS = {
    Cause.NO_MAILBOX: True,
    Cause.NO_HOST: True,
    Cause.MAILBOX_FULL: False,
    Cause.UNREACHABLE: False,
}
#: RFC 3463 and its registry, without what servers use for everything (`7.1`) or in two
#: senses (`1.10`).
_BY_STATUS = {
    "1.1": Cause.NO_MAILBOX,
    "1.3": Cause.NO_MAILBOX,
    "1.6": Cause.NO_MAILBOX,
    "2.1": Cause.NO_MAILBOX,
    "2.2": Cause.MAILBOX_FULL,
    "3.1": Cause.MAILBOX_FULL,
    "1.2": Cause.NO_HOST,
    "4.1": Cause.UNREACHABLE,
    "4.2": Cause.UNREACHABLE,
    "4.4": Cause.NO_HOST,
    "4.7": Cause.UNREACHABLE,
    "2.3": Cause.TOO_LARGE,
    "3.4": Cause.TOO_LARGE,
}
_BY_WORDS = tuple(
    (cause, re.compile(words, re.IGNORECASE))
    for cause, words in (
        (
            Cause.TOO_LARGE,
            r"too (?:large|big)|message size|size limit|maximum (?:message )?size"
            r"|exceeds .{0,30}size|zu gro[sß]|trop (?:volumineux|grand)|demasiado grande",
        ),
        (
            Cause.NO_HOST,
            r"host (?:or domain name )?(?:unknown|not found)|unknown (?:host|domain)"
            r"|domain .{0,60}(?:does not exist|not found|doesn't exist|isn't correct)"
            r"|no (?:such|route to) (?:host|domain)|name service error|host name lookup"
            r"|couldn't find any host|unrouteable (?:mail )?domain|unable to route"
            r"|all relevant mx records|couldn't be found at|null mx|bad destination",
        ),
        (
            Cause.REFUSED,
            r"spam|virus|black.?list|block.?(?:list|ed)|reputation|dmarc|\bspf\b|\bdkim\b"
            r"|policy|prohibited|content (?:filter|reject)|banned|unsolicited|junk"
            r"|access denied|not (?:authori[sz]ed|permitted|allowed|accepted)|relay"
            r"|permission|restricted|rejected due to|greylist|grey-list|suspicious"
            r"|rate limit|abgelehnt|refus[ée]|rechazad|rifiutat|recusad|отклонен|拒否|拒绝",
        ),
        (
            Cause.NO_MAILBOX,
            r"(?:user|recipient|mailbox|account|address|alias|addressee|username|name)"
            r"(?:[\w.@<>'\" -]{0,80}?)(?: is| was|:)? (?:unknown|not (?:found|known|exist"
            r"|recogni[sz]ed|listed|valid|a valid|a known|local|here)|invalid|disabled"
            r"|inactive|unavailable|suspended|locked|closed|deactivated|rejected"
            r"|does ?n.t exist|does not exist|doesn't have|couldn't be found|no longer)"
            r"|(?:unknown|invalid|no such|bad|nonexistent|not a valid|not our|undefined)"
            r"(?: \w+){0,2} (?:user|recipient|mailbox|address|account|alias|local.?part)"
            r"|no mailbox|user unknown|unknown user|unknown address|account is locked"
            r"|recipnotfound|unrouteable address|address (?:you entered )?couldn't be"
            r"|address couldn't be found|no such (?:person|address)|not deliverable"
            r"|empf[äa]nger .{0,30}(?:unbekannt|nicht gefunden)|unbekannter (?:benutzer"
            r"|empf)|adresse .{0,40}(?:introuvable|inconnue|n.existe)|destinataire inconnu"
            r"|no se (?:ha )?(?:encontr|pudo encontrar)|usuario desconocido|no existe"
            r"|indirizzo .{0,30}(?:non trovat|inesistente)|utente sconosciuto"
            r"|n[ãa]o foi encontrad|usu[áa]rio desconhecido|niet gevonden|onbekend"
            r"|не найден|не существует|見つかりません|存在しません|不存在|没有这个",
        ),
        (
            Cause.UNREACHABLE,
            r"timed? ?out|time-?out|connection (?:refused|reset|lost|dropped)"
            r"|unable to connect|could ?n.t (?:establish|connect)|not responding"
            r"|did not (?:respond|answer)|no answer|unreachable|(?:in the|from) queue"
            r"|retry time|too long|expired|has not been collected|loop|hop count"
            r"|deferred|cannot send message for|could not deliver for the last|within \d"
            r"|nicht erreichbar|zeit[üu]berschreitung|injoignable|no responde",
        ),
    )
)
