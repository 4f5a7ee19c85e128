"""The three ports to models: one judges messages, one writes replies, one tells what is alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.domain.decision import Judgement
from app.domain.proposed_order import OrderContext, ProposedOrder, Refusal
from app.domain.unified_message import Direction
from app.errors import PermanentError


@dataclass(frozen=True)
class Question:
    """A message to be judged. Texts are shortened by the client, not by the caller."""

    sender: str
    subject: str | None
    text: str
    channel: str


@dataclass(frozen=True)
class Unusable:
    """The model answered, but not in a way that can be used. Worth another try."""

    reason: str


@dataclass(frozen=True)
class Answers:
    """What came back for a batch of questions."""

    judgements: list[Judgement | Unusable]
    """One per question, in the order asked."""
    usage: dict[str, Any] = field(default_factory=dict)
    """Tokens as the provider counted them, for the whole call."""


@dataclass(frozen=True)
class Turn:
    """One message of a conversation, oldest first."""

    direction: Direction
    author: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Reply:
    """A written draft."""

    text: str
    model: str
    prompt_version: str
    usage: dict[str, Any]
    """Tokens as the provider counted them, over all calls."""
    order: ProposedOrder | None = None
    """What the customer orders, as the text tells them; it passed the check against the context."""
    refused: Refusal | None = None
    """Why an order that the model wanted to place is none. The model knew it when it wrote the text."""


#: The direction in which a text points; of length 1.
Vector = Sequence[float]


class Classifier(Protocol):
    """Judges messages."""

    version: str
    """Model and prompt version; stored with every judgement."""

    def classify(self, questions: Sequence[Question]) -> Answers:
        """Judge a batch in one call.

        Raises RetryableError, RateLimited, PermanentError (the request will never do) or AuthError
        (key refused or credit used up: the feature stops until a person acts).
        """


class Drafter(Protocol):
    """Writes replies."""

    def draft(
        self,
        *,
        business: str,
        subject: str | None,
        turns: Sequence[Turn],
        orders: OrderContext | None = None,
    ) -> Reply:
        """Answer the last of the turns, in its language, in the name of `business`.

        With `orders` the model knows the catalogue and may propose an order beside the text; what
        the check refuses it may not promise.

        Raises RetryableError, RateLimited, PermanentError or AuthError as `Classifier` does.
        """


class Embedder(Protocol):
    """Turns texts into vectors that point the same way where the texts mean the same."""

    model: str
    """What is stored with every vector; those of two models are never compared."""
    nearness: float
    """Below this cosine two texts have nothing to do with each other."""

    def embed(self, texts: Sequence[str]) -> list[Vector | PermanentError]:
        """Return for each text its vector, or why this one can have none.

        Raises RetryableError, RateLimited or AuthError where nothing was embedded.
        """

    def embed_question(
        self, question: str, worth: Mapping[str, float]
    ) -> Vector | PermanentError:
        """Return the vector of a question; raises as `embed` does.

        `worth` says of words how few texts have them, for who cannot tell what matters otherwise.
        """
