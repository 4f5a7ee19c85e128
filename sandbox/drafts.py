"""Writes the reply that stands for a model's, in the language it answers."""

from collections.abc import Iterator
from typing import Any

from sandbox import judge
from sandbox.wire import json_objects

#: Stands in front of every reply: nobody may take one for a model's.
MARK = "[sandbox draft]"

_EXCERPT = 80
#: Where the words of a message stand in a prompt that is written as JSON.
_TEXT_FIELDS = ("text", "body", "body_text", "content")

#: Greeting, thanks for what was written, the case of haste, promise and farewell.
_REPLIES = {
    "en": (
        "Hello,",
        "thank you for your message: “{}”",
        "We understand that this is urgent and are looking at it now.",
        "We will get back to you shortly.\n\nKind regards",
    ),
    "de": (
        "Guten Tag,",
        "vielen Dank für Ihre Nachricht: „{}“",
        "Wir verstehen, dass es eilt, und kümmern uns sofort darum.",
        "Wir melden uns in Kürze bei Ihnen.\n\nMit freundlichen Grüßen",
    ),
    "fr": (
        "Bonjour,",
        "merci pour votre message : « {} »",
        "Nous comprenons que c'est urgent et nous nous en occupons tout de suite.",
        "Nous revenons vers vous très vite.\n\nCordialement",
    ),
    "es": (
        "Hola:",
        "gracias por su mensaje: «{}»",
        "Entendemos que es urgente y ya lo estamos mirando.",
        "Le responderemos en breve.\n\nUn cordial saludo",
    ),
    "sv": (
        "Hej,",
        "tack för ditt meddelande: ”{}”",
        "Vi förstår att det är brådskande och tittar på det direkt.",
        "Vi återkommer inom kort.\n\nVänliga hälsningar",
    ),
    "it": (
        "Buongiorno,",
        "grazie per il Suo messaggio: «{}»",
        "Capiamo che è urgente e ce ne occupiamo subito.",
        "La ricontatteremo a breve.\n\nCordiali saluti",
    ),
    "pt": (
        "Olá,",
        "obrigado pela sua mensagem: “{}”",
        "Entendemos que é urgente e já estamos a tratar do assunto.",
        "Responderemos em breve.\n\nCom os melhores cumprimentos",
    ),
    "pl": (
        "Dzień dobry,",
        "dziękujemy za wiadomość: „{}”",
        "Rozumiemy, że to pilne, i już się tym zajmujemy.",
        "Wkrótce się odezwiemy.\n\nZ poważaniem",
    ),
    "nl": (
        "Goedendag,",
        "bedankt voor uw bericht: “{}”",
        "We begrijpen dat het dringend is en kijken er meteen naar.",
        "We komen er snel bij u op terug.\n\nMet vriendelijke groet",
    ),
    "da": (
        "Hej,",
        "tak for din besked: “{}”",
        "Vi forstår, at det haster, og ser på det med det samme.",
        "Vi vender snart tilbage.\n\nVenlig hilsen",
    ),
    "fi": (
        "Hei,",
        "kiitos viestistäsi: ”{}”",
        "Ymmärrämme, että asia on kiireellinen, ja selvitämme sitä heti.",
        "Palaamme asiaan pian.\n\nYstävällisin terveisin",
    ),
}


#: What was ordered, and that somebody looks at it.
_NOTED = {
    "en": "We have written down: {}. A colleague will confirm it.",
    "de": "Wir haben vorgemerkt: {}. Ein Kollege bestätigt es Ihnen.",
    "fr": "Nous avons pris note : {}. Un collègue vous le confirmera.",
    "es": "Hemos anotado: {}. Un compañero se lo confirmará.",
    "sv": "Vi har antecknat: {}. En kollega bekräftar det.",
    "it": "Abbiamo annotato: {}. Un collega lo confermerà.",
    "pt": "Anotámos: {}. Um colega irá confirmar.",
    "pl": "Zanotowaliśmy: {}. Potwierdzi to nasz pracownik.",
    "nl": "We hebben genoteerd: {}. Een collega bevestigt het.",
    "da": "Vi har noteret: {}. En kollega bekræfter det.",
    "fi": "Kirjasimme: {}. Kollegamme vahvistaa sen.",
}


def draft(prompt: str, noted: str | None = None, offered: str | None = None) -> str:
    """Answer the message that a prompt holds; the prompt may be that message itself.

    `noted` is what was written down of an order, `offered` what is sold of what was asked for.
    """
    message = last_said(prompt)
    language = judge.language(message)
    greeting, thanks, haste, promise = _REPLIES[language]
    if noted:
        promise = f"{_NOTED[language].format(noted)} {promise}"
    elif offered:
        promise = f"{offered}. {promise}"
    closing = f"{haste} {promise}" if judge.is_urgent(message) else promise
    return f"{MARK}\n{greeting}\n\n{thanks.format(_excerpt(message))}\n\n{closing}"


def last_said(prompt: str) -> str:
    """The newest message of a prompt with JSON in it, else the prompt."""
    said = [text for found in json_objects(prompt) for text in _texts(found)]
    return said[-1] if said else prompt


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _TEXT_FIELDS and isinstance(item, str) and item.strip():
                yield item
            elif isinstance(item, dict | list):
                yield from _texts(item)


def _excerpt(message: str) -> str:
    lines = (line.strip() for line in message.splitlines())
    first = next((line for line in lines if line and not line.startswith(">")), "…")
    return first if len(first) <= _EXCERPT else first[:_EXCERPT].rstrip() + "…"
