"""What Messenger and Instagram have in common: one envelope to receive, one way to ask."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Self

from app.channels.base import Account, Changes, ChannelAdapter, KnownIDs, Page
from app.channels.budget import Budget
from app.channels.meta.callback import MetaReceiver, Part, Secrets
from app.channels.meta.conversations import Conversations
from app.channels.meta.graph import TIMEOUT, GraphClient
from app.channels.meta.messaging import EntryReader
from app.config import Settings
from app.errors import PermanentError

CONVERSATIONS = "CONVERSATIONS"


class MessagingAdapter(ChannelAdapter, MetaReceiver):
    """Is called with messages, and asks for the conversations that were not heard of."""

    platform: ClassVar[str]
    person_kind: ClassVar[str]
    account_kind: ClassVar[str]
    folders = (CONVERSATIONS,)
    polls = True

    def __init__(
        self,
        clients: dict[str, GraphClient],
        secrets: Secrets,
        talk: Conversations,
        app_id: str | None = None,
    ) -> None:
        self._clients = clients
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

    def _client(self, account: Account) -> GraphClient:
        """Accounts of Instagram Login live at another address."""
        login = account.settings.get("login", "facebook")
        if login not in self._clients:
            raise PermanentError(f'{self.provider}: "login" is facebook or instagram')
        return self._clients[login]
