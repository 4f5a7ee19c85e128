"""Takes out of a text what opens something: keys, passwords, payment cards, before it leaves."""

import re

REMOVED = "[removed]"

#: Tokens by the form that their issuers gave them, ours first.
_KEYS = re.compile(
    r"(?<![\w-])(?:bb_[0-9a-f]{12}_[\w-]{20,100}"
    r"|sk-[\w-]{16,200}|sk_(?:live|test)_\w{10,200}|rk_live_\w{10,200}"
    r"|gh[pousr]_\w{30,100}|github_pat_\w{30,120}|glpat-[\w-]{18,60}"
    r"|xox[abprs]-[\w-]{10,100}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,50}"
    r"|EAA[0-9A-Za-z]{40,300}|\d{8,10}:AA[\w-]{32,40}|SG\.[\w-]{16,40}\.[\w-]{30,60}"
    r"|eyJ[\w-]{10,2000}\.[\w-]{10,4000}\.[\w-]{10,1000})"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY-----[^-]{0,10000}"
    r"(?:-----END (?:[A-Z]{2,12} ){0,2}PRIVATE KEY-----)?"
)
#: What stands behind the word and its colon, in the languages of our customers.
_PASSWORD = re.compile(
    r"(?<!\w)(password|passwort|kennwort|passphrase|mot de passe|contraseña|senha"
    r"|wachtwoord|lösenord|adgangskode|passord|salasana|hasło|heslo|parola|şifre|пароль"
    r"|كلمة المرور|密码|密碼|パスワード|비밀번호|pin|cvv|cvc)"
    r"(\s{0,2}(?:is|ist|est|es|è|é|är|er|on|to|:|=|：)\s{0,2}(?:[:=：]\s{0,2})?)(\S{3,200})",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<![\w+.-])(?:\d[ -]?){12,18}\d(?![\w-])")
#: Beginnings and lengths of the cards there are: parcels have numbers too.
_CARD_KINDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}"
)


def redacted(text: str) -> str:
    """Return the text with what is secret replaced. A miss is possible, so it is no permit to send."""
    text = _PRIVATE_KEY.sub(REMOVED, text)
    text = _KEYS.sub(REMOVED, text)
    text = _PASSWORD.sub(_without_value, text)
    return _CARD.sub(_without_card, text)


def _without_value(match: re.Match[str]) -> str:
    said, between, value = match[1], match[2], match[3]
    # "My password is gone" tells none.
    is_word = (
        not any(mark in between for mark in ":=：") and value.strip(".,!?").isalpha()
    )
    return match[0] if is_word else f"{said}{between}{REMOVED}"


def _without_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    if not _CARD_KINDS.fullmatch(digits) or not _adds_up(digits):
        return match[0]
    return REMOVED


def _adds_up(digits: str) -> bool:
    """By the check digit that cards have."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
