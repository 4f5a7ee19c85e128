"""What Messenger and Instagram have in common: one envelope to receive, one way to ask."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from app.channels.base import Account, Changes, ChannelAdapter, KnownIDs, Page
from app.channels.budget import Budget
from app.channels.meta.callback import MetaReceiver, Part, Secrets
from app.channels.meta.conversations import Conversations
from app.channels.meta.fields import identifier, moment_of_iso, record, records, text
from app.channels.meta.graph import TIMEOUT, GraphClient
from app.channels.meta.messaging import EntryReader
from app.channels.meta.send_errors import MessagingClient
from app.channels.sending import CLOCKS_DIFFER, Outgoing, Sender, Sent
from app.config import Settings
from app.errors import PermanentError

CONVERSATIONS = "CONVERSATIONS"


class MessagingAdapter(ChannelAdapter, MetaReceiver, Sender):
    """Is called with messages, and asks for the conversations that were not heard of."""

    platform: ClassVar[str]
    person_kind: ClassVar[str]
    account_kind: ClassVar[str]
    folders = (CONVERSATIONS,)
    polls = True
    window = timedelta(hours=24)
    can_find = True

    def __init__(
        self,
        clients: dict[str, GraphClient],
        senders: dict[str, MessagingClient],
        secrets: Secrets,
        talk: Conversations,
        app_id: str | None = None,
    ) -> None:
        self._clients = clients
        self._senders = senders
        self.secrets = secrets
        self._talk = talk
        self._reader = EntryReader(
            person=self.person_kind, account=self.account_kind, app_id=app_id
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        bases = {
            "facebook": settings.meta_graph_url,
            "instagram": settings.meta_instagram_url,
        }
        return cls(
            {
                login: GraphClient(cls.provider, str(base), timeout=TIMEOUT)
                for login, base in bases.items()
            },
            {
                login: MessagingClient(cls.provider, str(base), timeout=TIMEOUT)
                for login, base in bases.items()
            },
            Secrets.from_settings(settings),
            Conversations(
                cls.platform,
                person=cls.person_kind,
                account=cls.account_kind,
                version=settings.meta_graph_version,
                budget=Budget.from_settings(settings),
            ),
            settings.meta_app_id,
        )

    def read_entry(self, entry: dict[str, Any]) -> Iterator[Part]:
        return self._reader.read(entry)

    def fetch_page(
        self,
        account: Account,
        *,
        folder: str,
        token: str | None,
        limit: int,
        known: KnownIDs,
    ) -> Page:
        """Fetch one page of conversations with the twenty newest messages of each."""
        if folder != CONVERSATIONS:
            raise PermanentError(f"{self.provider} has no folder {folder!r} to import")
        client = self._client(account)
        return self._talk.page(account, client, token=token, limit=limit)

    def fetch_changes(
        self,
        account: Account,
        *,
        cursor: dict[str, Any] | None,
        since: datetime,
        limit: int,
        known: KnownIDs,
    ) -> Changes:
        """Fetch what the conversations hold that have changed."""
        return self._talk.changes(
            account,
            self._client(account),
            cursor=cursor,
            since=since,
            limit=limit,
            known=known,
        )

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a text; its echo bears our id."""
        access = self._talk.access(account, self._client(account))
        answer = self._senders[self._login(account)].submit(
            f"{access.root}/messages",
            auth=access.auth,
            body={
                "recipient": {"id": outgoing.to.value},
                "messaging_type": "RESPONSE",
                "message": {"text": outgoing.text, "metadata": str(outgoing.id)},
            },
        )
        mid = identifier(record(answer).get("message_id"))
        return Sent(mid or None, outgoing.to.value)

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look through the conversation for the text: what is read there has no id of ours."""
        person, client = outgoing.to.value, self._client(account)
        for row in self._talk.with_person(account, client, person):
            moment = moment_of_iso(row.get("created_time"))
            if (
                moment is not None
                and moment >= since - CLOCKS_DIFFER
                and text(row.get("message")).strip() == outgoing.text.strip()
                and person in _recipients(row)
            ):
                return Sent(identifier(row.get("id")) or None, person)
        return None

    def _client(self, account: Account) -> GraphClient:
        return self._clients[self._login(account)]

    def _login(self, account: Account) -> str:
        """Accounts of Instagram Login live at another address."""
        login = account.settings.get("login", "facebook")
        if login not in self._clients:
            raise PermanentError(f'{self.provider}: "login" is facebook or instagram')
        return str(login)


def _recipients(row: dict[str, Any]) -> set[str]:
    to = records(record(row.get("to")).get("data"))
    return {identifier(one.get("id")) for one in to}
