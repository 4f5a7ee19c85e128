"""What is wrong with a written reply, whoever wrote it and whatever they were told to write.

Models can be talked into anything by those whom they answer. So before a reply leaves without a
person, its text itself is looked at: it may lead nowhere, promise nothing and give nothing away
that we have not said before. What is doubtful is a fault: then a person looks.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from app.domain import reply_contacts as contacts
from app.domain.identifiers import email_key

MAX_LENGTH = 4_000
#: So many words in a row that stand in a prompt are no chance.
_LEAKED_WORDS = 10
#: A longer word with digits in it is a code; a longer one without is no word either.
_LONG_CODE = 30
_LONGEST_WORD = 70
#: Of a price: so many of a product may cost so much.
_MOST_PIECES = 100

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(rf"[A-Za-z0-9+/=_%-]{{{_LONG_CODE},}}")
_MARKUP = re.compile(
    r"!\[|\]\s?\(|<\s?/?\s?(?:a|img|script|iframe|form|input|style|meta|object|svg|link|video)\b"
    r"|(?:javascript|vbscript|data)\s?:(?=\S)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?im)^[ \t>*_]{0,4}(?:b?cc|to|from|an|von|reply-to|subject|betreff|objet|asunto|oggetto"
    r"|assunto|onderwerp|ämne|temat|тема|кому)[*_]{0,2}[ \t]{0,3}:[ \t*_]{0,4}\S"
)
#: By which a prompt and its data are put together.
_MARKS = (
    *("create_order", "confirmed_with", "customer_phone", "customer_email"),
    *("customer_address", "tool_result", "tool_use", "input_schema"),
    *("user turn", "assistant turn", "system prompt", "systemprompt"),
    *("<|", "|>", "[inst]", "</user", "</assistant", "</system", '{"from"', '"at":'),
)
_CURRENCY = (
    r"(?:€|\$|£|¥|₹|₽|zł|kr\b|kč|eur\b|euros?\b|usd\b|dollars?\b|gbp\b|pounds?\b|chf\b"
    r"|franken\b|sek\b|nok\b|dkk\b|pln\b|czk\b|jpy\b|円|元|cny\b|try\b|tl\b|₺|руб\w*|rub\b"
    r"|aed\b|sar\b|egp\b|kwd\b|ريال|درهم|جنيه|دينار)"
)
_NUMBER = r"\d(?:[\d.,'\u00a0\u202f ]{0,14}\d)?"
_MONEY = re.compile(
    rf"{_CURRENCY}\s?({_NUMBER})|(?<![\d.,])({_NUMBER})\s?{_CURRENCY}", re.IGNORECASE
)
_PERCENT = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,]\d{1,2})?\s?(?:%|٪|percent|prozent)")
_CLAIM = re.compile(
    r"order (?:is|has been|was|is now|has now been) (?:placed|confirmed|noted|booked|registered)"
    r"|(?:i have|i've|we have|we've) (?:placed|noted|confirmed|booked|registered) (?:your|the|an)"
    r" order"
    r"|bestellung (?:ist|wurde|ist hiermit) (?:notiert|aufgenommen|bestätigt|aufgegeben|gebucht)"
    r"|(?:habe|haben) (?:ihre|deine|die) bestellung (?:notiert|aufgenommen|bestätigt|aufgegeben)"
    r"|commande (?:est|a été|a bien été|est bien) (?:notée|confirmée|enregistrée|passée)"
    r"|pedido (?:está|ha sido|queda|foi|está) (?:confirmado|registrado|anotado|realizado)"
    r"|ordine (?:è|è stato|è stato) (?:confermato|registrato|annotato|effettuato)"
    r"|bestelling (?:is|werd) (?:genoteerd|bevestigd|geplaatst)"
    r"|(?:beställningen|beställning) (?:är|har) (?:noterad|bekräftad|registrerats|lagts)"
    r"|zamówienie (?:zostało|jest) (?:przyjęte|potwierdzone|złożone)"
    r"|заказ (?:принят|оформлен|подтвержд[её]н)"
    r"|sipariş\w* (?:alındı|onaylandı)|تم (?:تأكيد|تسجيل) (?:طلبك|الطلب)"
    r"|订单已|ご注文を承り|주문이 (?:완료|접수|확인)"
)
#: What holds emoji and some scripts together, or says in which direction to read.
_HARMLESS = frozenset("\n\t\u200c\u200d\u200e\u200f\u061c")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})


@dataclass(frozen=True)
class ReplyFault:
    """One thing that is wrong with a reply."""

    rule: str
    detail: str
    """For the person who looks. Names no address or number."""


def faults_of_reply(
    text: str,
    *,
    allowed_links: Collection[str],
    allowed_addresses: Collection[str],
    own_texts: Sequence[str] = (),
    catalogue_prices: Collection[Decimal] | None = None,
    prompt_markers: Iterable[str] = (),
    secrets: Iterable[str] = (),
    has_order: bool = False,
    order_refused: bool = False,
) -> list[ReplyFault]:
    """All that is wrong with a reply; none means that it may leave without a person.

    `allowed_links` are hosts or links of ours, `allowed_addresses` mail addresses and telephone
    numbers: ours, and those by which the customer is known. What only stands in messages of others
    belongs in neither, or it could be put into our mouth. `own_texts` is what we have written in the
    conversation: what was said there may be said again. `prompt_markers` are whole prompts, or words
    of them. Without `catalogue_prices` amounts of money are not looked at.
    """
    if not _WORD.search(text):
        return [ReplyFault("empty", "there is nothing in it to read")]
    text, is_cut = text[: 2 * MAX_LENGTH], len(text) > MAX_LENGTH
    faults: list[ReplyFault] = []
    if is_cut:
        faults.append(ReplyFault("too_long", f"it is longer than {MAX_LENGTH}"))
    faults += _form_faults(text)
    faults += _contact_faults(text, allowed_links, allowed_addresses, own_texts)
    faults += _leak_faults(text, prompt_markers, secrets)
    faults += _promise_faults(text, own_texts, catalogue_prices)
    if order_refused:
        faults.append(ReplyFault("order_refused", "the model wanted to place an order"))
    elif not has_order and _CLAIM.search(_folded(text)):
        faults.append(ReplyFault("order_claimed", "it tells of an order that is none"))
    return faults


def _form_faults(text: str) -> Iterable[ReplyFault]:
    hidden = any(
        one not in _HARMLESS and unicodedata.category(one) in _UNSEEN for one in text
    )
    if hidden:
        yield ReplyFault("hidden_text", "it holds characters that cannot be seen")
    if _MARKUP.search(text):
        yield ReplyFault("markup", "it is more than text")
    if _HEADER.search(text):
        yield ReplyFault("header_line", "it holds a line that looks like a mail's head")
    for token in _TOKEN.findall(text):
        has_digit = any(one.isdigit() for one in token)
        has_letter = any(one.isalpha() for one in token)
        if (has_digit and has_letter) or len(token) >= _LONGEST_WORD:
            yield ReplyFault("encoded_text", "it holds a code")
            return


def _contact_faults(
    text: str,
    allowed_links: Collection[str],
    allowed_addresses: Collection[str],
    own_texts: Sequence[str],
) -> Iterable[ReplyFault]:
    hosts = {contacts.host_of(link) for link in allowed_links}
    hosts |= contacts.hosts_in(own_texts)
    for host in sorted(contacts.hosts_in([text])):
        if not _is_within(host, hosts):
            yield ReplyFault("foreign_link", f"it leads to {host or 'nowhere'}")
    mails = {email_key(one) for one in allowed_addresses if "@" in one}
    mails |= contacts.addresses_in(own_texts)
    if contacts.addresses_in([text]) - mails:
        yield ReplyFault("foreign_address", "it names a mail address that is not ours")
    numbers = {contacts.number_key(one) for one in allowed_addresses if "@" not in one}
    numbers |= contacts.numbers_in(own_texts)
    if contacts.numbers_in([text]) - numbers:
        yield ReplyFault("foreign_number", "it names a number that is not ours")


def _is_within(host: str, hosts: Collection[str]) -> bool:
    """Whether a host is one of these or below one."""
    return any(host == one or host.endswith(f".{one}") for one in hosts if one)


def _leak_faults(
    text: str, prompt_markers: Iterable[str], secrets: Iterable[str]
) -> Iterable[ReplyFault]:
    folded = _folded(text)
    words = _WORD.findall(folded)
    # Read backwards it is no less a prompt.
    backwards = _WORD.findall(folded[::-1])
    said = _runs(words) | _runs(backwards)
    squeezed = "".join(folded.split())
    for marker in prompt_markers:
        known = _WORD.findall(_folded(marker))
        is_long = len(known) >= _LEAKED_WORDS
        if (
            _runs(known) & said
            if is_long
            else bool(known) and _folded(marker).strip() in folded
        ):
            yield ReplyFault("prompt_leaked", "it repeats what the model was told")
            break
    else:
        if any(mark in folded for mark in _MARKS):
            yield ReplyFault("prompt_leaked", "it speaks of how the model is asked")
    for secret in secrets:
        if secret and "".join(_folded(secret).split()) in squeezed:
            yield ReplyFault("secret", "it holds a secret")
            break


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    """All rows of so many words."""
    last = len(words) - _LEAKED_WORDS + 1
    return {tuple(words[at : at + _LEAKED_WORDS]) for at in range(max(last, 0))}


def _promise_faults(
    text: str, own_texts: Sequence[str], catalogue_prices: Collection[Decimal] | None
) -> Iterable[ReplyFault]:
    percents = _percents([text]) - _percents(own_texts)
    if percents:
        yield ReplyFault("unknown_discount", "it names a share that we never named")
    if catalogue_prices is None:
        return
    known = _amounts(own_texts)
    for amount in _amounts([text]) - known:
        if not any(_is_multiple(amount, price) for price in catalogue_prices):
            yield ReplyFault("unknown_price", "it names an amount that is no price")
            return


def _is_multiple(amount: Decimal, price: Decimal) -> bool:
    if price == 0:
        return amount == 0
    pieces = amount / price
    return pieces == int(pieces) and 1 <= pieces <= _MOST_PIECES


def _percents(texts: Iterable[str]) -> set[str]:
    return {
        re.sub(r"\s", "", found)
        for text in texts
        for found in _PERCENT.findall(_folded(text))
    }


def _amounts(texts: Iterable[str]) -> set[Decimal]:
    return {
        amount
        for text in texts
        for match in _MONEY.finditer(unicodedata.normalize("NFKC", text))
        if (amount := _amount(match[1] or match[2])) is not None
    }


def _amount(written: str) -> Decimal | None:
    """Read what stands behind the last point or comma as decimals, unless it is a group of three."""
    written = re.sub(r"[\s']", "", written)
    whole, _, rest = written.replace(",", ".").rpartition(".")
    if len(rest) == 3 and whole:
        whole, rest = whole + rest, ""
    elif not whole:
        whole, rest = rest, ""
    try:
        return Decimal(f"{whole.replace('.', '')}.{rest or '0'}")
    except InvalidOperation:
        return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
