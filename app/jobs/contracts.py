"""The jobs that can be queued: typed, checked when read, unknown fields ignored.

A job only says where to look. What still has to be done is in the rows it names, so a job that is
lost, doubled or late does no harm.
"""

from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import InvalidPayload
from app.jobs import queues


class Job(BaseModel):
    """Base of the contracts. `job_type` names the contract on the wire."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    queue: ClassVar[str]
    job_type: str
    workspace_id: UUID
    run_id: UUID | None = None

    @classmethod
    def read(cls, payload: Any) -> Self:
        """Read a job as it came from the broker.

        Raises InvalidPayload that names every fault.
        """
        try:
            return cls.model_validate(payload)
        except ValidationError as exc:
            faults = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc']) or 'job'}: {fault['msg']}"
                for fault in exc.errors(include_input=False, include_url=False)
            )
            raise InvalidPayload(f"{cls.__name__} job unreadable: {faults}") from exc

    def payload(self) -> dict[str, Any]:
        """The job as it goes to the broker."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ImportFetch(Job):
    """Fetch one page of a connected account.

    The counters are for people who look into the queue; the run's row is what counts.
    """

    queue = queues.IMPORT
    job_type: Literal["IMPORT_FETCH"] = "IMPORT_FETCH"
    run_id: UUID
    config_id: UUID
    folder: Literal["SENT", "INBOX", "CONVERSATIONS"]
    page_token: str | None = Field(default=None, alias="pageToken")
    cap: int | None = None
    fetched_so_far: int = 0
    pages: int = 0
    rate_limit_count: int = 0


class _EventJob(Job):
    """A job that names its events, one (`event_id`) or many (`event_ids`)."""

    event_id: UUID | None = Field(default=None, exclude=True, repr=False)
    """How one event is named on the wire. Once read, it stands among `event_ids`."""
    event_ids: tuple[UUID, ...] = ()

    @model_validator(mode="after")
    def _one_is_many(self) -> Self:
        if self.event_id is not None:
            named = dict.fromkeys((self.event_id, *self.event_ids))
            # The model is frozen, and still being built.
            self.__dict__ |= {"event_id": None, "event_ids": tuple(named)}
        return self

    @model_validator(mode="after")
    def _some_events(self) -> Self:
        if not self.event_ids:
            raise ValueError("names no event: event_id or event_ids is needed")
        return self

    def payload(self) -> dict[str, Any]:
        """The job as it goes to the broker; a single event stands there under both names."""
        payload = super().payload()
        if len(self.event_ids) == 1:
            payload["event_id"] = payload["event_ids"][0]
        return payload


class Materialize(_EventJob):
    """Turn events into customers, conversations and messages."""

    queue = queues.INGEST
    job_type: Literal["MATERIALIZE"] = "MATERIALIZE"
    channel: str | None = None
    config_id: UUID | None = None


class Classify(_EventJob):
    """Decide what inbound messages need.

    `conversation_id` and `target_message_id` stand in jobs for a single event; the event's row
    knows both.
    """

    queue = queues.CLASSIFY
    job_type: Literal["CLASSIFY"] = "CLASSIFY"
    channel: str | None = None
    config_id: UUID | None = None
    conversation_id: UUID | None = None
    target_message_id: UUID | None = None


class Draft(_EventJob):
    """Write replies to the newest inbound messages of conversations."""

    queue = queues.DRAFT
    job_type: Literal["DRAFT"] = "DRAFT"
    conversation_id: UUID | None = None
    target_message_id: UUID | None = None

    @model_validator(mode="after")
    def _some_events(self) -> Self:
        if not self.event_ids and self.target_message_id is None:
            raise ValueError(
                "names nothing to draft: event_id, event_ids or target_message_id is needed"
            )
        return self


class Poll(Job):
    """Ask an account what is new since its watermark."""

    queue = queues.SYNC
    job_type: Literal["POLL"] = "POLL"
    config_id: UUID


class FetchMessages(Job):
    """Fetch messages that a provider announced by their ids."""

    queue = queues.SYNC
    job_type: Literal["FETCH_MESSAGES"] = "FETCH_MESSAGES"
    config_id: UUID
    fetch_ids: tuple[UUID, ...]


class Subscribe(Job):
    """Renew the provider's promise to call us about an account."""

    queue = queues.SYNC
    job_type: Literal["SUBSCRIBE"] = "SUBSCRIBE"
    config_id: UUID


class StoreFiles(Job):
    """Keep the files that came with messages."""

    queue = queues.SYNC
    job_type: Literal["STORE_FILES"] = "STORE_FILES"
    message_ids: tuple[UUID, ...] = Field(min_length=1)


class Outbound(Job):
    """Send what is due in a conversation, in its order."""

    queue = queues.OUTBOUND
    job_type: Literal["OUTBOUND"] = "OUTBOUND"
    conversation_id: UUID
    outbound_id: UUID | None = None
    """The message that a dead letter is about."""


class Scheduled(Job):
    """Run recurring work that is due."""

    queue = queues.OPS
    job_type: Literal["SCHEDULED"] = "SCHEDULED"
    scheduled_id: UUID


class Embed(Job):
    """Bring what is searched of a workspace up to date with its messages."""

    queue = queues.KNOWLEDGE
    job_type: Literal["EMBED"] = "EMBED"
    chunk_ids: tuple[UUID, ...] = ()
    """Those that a dead letter is about."""


class DeadLetterNotice(BaseModel):
    """Says that something was given up. The letters are rows; this is only the news of them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    queue: ClassVar[str] = queues.DEADLETTER
    job_type: Literal["DEAD_LETTER"] = "DEAD_LETTER"
    workspace_id: UUID | None = None
    letter_ids: tuple[UUID, ...]

    def payload(self) -> dict[str, Any]:
        """The notice as it goes to the broker."""
        return self.model_dump(mode="json", exclude_none=True)


CONTRACTS: dict[str, type[Job]] = {
    contract.model_fields["job_type"].default: contract
    for contract in (
        ImportFetch,
        Poll,
        FetchMessages,
        Subscribe,
        Materialize,
        Classify,
        Draft,
        StoreFiles,
        Outbound,
        Scheduled,
        Embed,
    )
}


def read_job(payload: Any) -> Job:
    """Read a job of any type.

    Raises InvalidPayload for a type that we do not know.
    """
    job_type = payload.get("job_type") if isinstance(payload, dict) else None
    contract = CONTRACTS.get(str(job_type))
    if contract is None:
        raise InvalidPayload(
            f"unknown job_type {job_type!r}; known: {', '.join(CONTRACTS)}"
        )
    return contract.read(payload)
