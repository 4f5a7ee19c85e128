"""Threading said once more, naively: every pair is looked at until nothing changes.

What the product does with keys, claims and growing trees has to come out the same.
"""

from dataclasses import dataclass
from itertools import combinations

from hypothesis import strategies as st

from app.domain.unified_message import UnifiedMessage
from tests.factories import START, message

SHOP = "shop@shop.example"
PEOPLE = ("anna@example.com", "bo@example.com", "mallory@example.net")


@dataclass(frozen=True)
class Mail:
    """What of a mail decides where it belongs."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    refers_to: tuple[str, ...] = ()
    list: str | None = None

    @property
    def speaker(self) -> str | None:
        if self.sender != SHOP:
            return self.sender
        return next((one for one in self.recipients if one != SHOP), None)

    @property
    def speakers(self) -> set[str | None]:
        return {self.speaker, self.list} - ({None} if self.speaker else set())

    @property
    def people(self) -> set[str]:
        found = {self.sender, *self.recipients, self.list}
        return {one for one in found if one and one != SHOP}

    def as_message(self) -> UnifiedMessage:
        """The mail as an adapter hands it over; all are sent at once."""
        headers = {"list-id": f"<{self.list}>"} if self.list else {}
        return message(
            external_id=self.id,
            sender=self.sender,
            direction="outbound" if self.sender == SHOP else "inbound",
            recipients=[{"kind": "email", "value": one} for one in self.recipients],
            in_reply_to=self.refers_to[-1] if self.refers_to else None,
            references=list(self.refers_to),
            headers=headers,
            subject="?",
            sent_at=START,
        )


def partition(mails: list[Mail]) -> set[frozenset[str]]:
    """The ids of the mails that belong together."""
    groups = [{mail} for mail in mails]
    while True:
        pair = next(
            (
                (one, other)
                for one, other in combinations(groups, 2)
                if _belong_together(one, other) or _belong_together(other, one)
            ),
            None,
        )
        if pair is None:
            return {frozenset(mail.id for mail in group) for group in groups}
        groups = [group for group in groups if group not in pair]
        groups.append(pair[0] | pair[1])


def _belong_together(one: set[Mail], other: set[Mail]) -> bool:
    insiders, others = _people(one), _people(other)
    for mail in one:
        for theirs in other:
            takes_part = _takes_part(mail, others)
            if theirs.id in mail.refers_to and takes_part:
                return True
            shares = set(mail.refers_to) & set(theirs.refers_to)
            if shares and takes_part and _takes_part(theirs, insiders):
                return True
    return False


def _takes_part(mail: Mail, people: set[str]) -> bool:
    # What we wrote to nobody else goes where it points.
    return None in mail.speakers or bool(mail.speakers & people)


def _people(group: set[Mail]) -> set[str]:
    return {one for mail in group for one in mail.people}


@st.composite
def forests(draw: st.DrawFn) -> list[Mail]:
    """Mails of a few people, in an order of arrival that has nothing to do with who came first.

    Some answer what nobody has seen, some quote what is none of their business.
    """
    count = draw(st.integers(2, 9))
    ids = [f"m{number}@x" for number in range(count)]
    mails = []
    for number, own in enumerate(ids):
        known = [*ids[:number], "lost@x", "gone@x"]
        mails.append(
            Mail(
                id=own,
                sender=draw(st.sampled_from([*PEOPLE, SHOP])),
                recipients=tuple(
                    draw(st.lists(st.sampled_from([*PEOPLE, SHOP]), max_size=2))
                ),
                refers_to=tuple(
                    draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
                ),
                list=draw(st.sampled_from([None, None, None, "talk.lists.example"])),
            )
        )
    return draw(st.permutations(mails))
