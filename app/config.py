"""Settings: the only reader of the environment.

`python -m app.config` prints `.env.example`, which is generated from the fields below.
"""

import base64
import os
import re
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import ConfigurationError

ROOT = Path(__file__).parents[1]


class AIMode(StrEnum):
    AUTO = "auto"
    OFFLINE = "offline"
    LIVE = "live"


def _without_trailing_slash(url: HttpUrl) -> str:
    return str(url).rstrip("/")


BaseURL = Annotated[HttpUrl, AfterValidator(_without_trailing_slash)]


def _setting(
    name: str, default: Any = ..., *, about: str, may_hold_password: bool = False
) -> Any:
    return Field(
        default, validation_alias=name, description=about, repr=not may_hold_password
    )


class Settings(BaseSettings):
    """One field per setting. An empty variable counts as unset."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    database_url: str | None = _setting(
        "DATABASE_URL",
        None,
        about="PostgreSQL 15 or newer. Unset: an embedded one is started.",
        may_hold_password=True,
    )
    redis_url: str | None = _setting(
        "REDIS_URL",
        None,
        about="Redis 6.2 or newer, or Valkey. Unset: an embedded one is started.",
        may_hold_password=True,
    )
    data_dir: Path = _setting(
        "BB_DATA_DIR", Path("var"), about="Where embedded servers keep their files."
    )
    storage_url: str | None = _setting(
        "BB_STORAGE_URL",
        None,
        about="Where attachments are kept: file:/a/directory, or s3://bucket/prefix with the extra "
        "`s3` and the usual AWS_ variables. Unset: `files` in the data directory.",
    )
    secret_key: SecretStr | None = _setting(
        "BB_SECRET_KEY",
        None,
        about="32 bytes in base64; encrypts stored credentials. Generated into the data "
        "directory when PostgreSQL is embedded, required otherwise.",
    )
    public_url: BaseURL = _setting(
        "BB_PUBLIC_URL",
        "http://127.0.0.1:8000",
        about="The address under which providers reach the web process.",
    )
    port: PositiveInt = _setting("PORT", 8000, about="Port of the web process.")
    flower_port: PositiveInt = _setting("FLOWER_PORT", 5555, about="Port of Flower.")
    worker_token: SecretStr | None = _setting(
        "BB_WORKER_TOKEN",
        None,
        about="Lets operators in through the header x-bb-worker-token. Unset: nobody.",
    )
    log_level: str = _setting(
        "BB_LOG_LEVEL", "INFO", about="DEBUG, INFO, WARNING or ERROR."
    )
    task_events: bool = _setting(
        "BB_TASK_EVENTS",
        True,
        about="Workers report every task to Flower. Costs throughput on busy systems.",
    )

    import_batch_size: PositiveInt = _setting(
        "BB_IMPORT_BATCH_SIZE", 100, about="Messages per fetched page."
    )
    ingest_batch_size: PositiveInt = _setting(
        "BB_INGEST_BATCH_SIZE", 100, about="Events per materialize job."
    )
    classify_batch_size: PositiveInt = _setting(
        "BB_CLASSIFY_BATCH_SIZE", 20, about="Messages per call of the AI gateway."
    )
    draft_batch_size: PositiveInt = _setting(
        "BB_DRAFT_BATCH_SIZE", 1, about="Drafts written one after another by one job."
    )
    import_cap: PositiveInt = _setting(
        "BB_IMPORT_CAP", 2500, about="Messages of an import that names no cap."
    )
    import_cap_max: PositiveInt = _setting(
        "BB_IMPORT_CAP_MAX", 50_000, about="Largest cap an import may ask for."
    )
    stalled_run_minutes: PositiveInt = _setting(
        "BB_STALLED_RUN_MINUTES", 10, about="A run without a heartbeat is stalled."
    )
    stalled_event_minutes: PositiveInt = _setting(
        "BB_STALLED_EVENT_MINUTES", 15, about="An event that does not move is stalled."
    )
    supervisor_nudge_limit: PositiveInt = _setting(
        "BB_SUPERVISOR_NUDGE_LIMIT",
        1000,
        about="Events that one sweep rings for at most.",
    )
    sweep_seconds: PositiveFloat = _setting(
        "BB_SWEEP_SECONDS", 5.0, about="How often overdue work is looked for."
    )

    debounce_seconds: NonNegativeFloat = _setting(
        "BB_DEBOUNCE_SECONDS",
        3.0,
        about="How long a conversation in a messenger is quiet before what was said is judged and "
        "answered, as one. The next sweep takes it up. Mail never waits.",
    )

    attachment_max_bytes: PositiveInt = _setting(
        "BB_ATTACHMENT_MAX_BYTES",
        25 * 1024 * 1024,
        about="Larger attachments are listed and not kept.",
    )
    refused_attachments: str = _setting(
        "BB_REFUSED_ATTACHMENTS",
        "",
        about="Kinds of attachments that are listed and not kept: extensions or media types, "
        "separated by commas. Unset: none.",
    )
    private_downloads: bool = _setting(
        "BB_PRIVATE_DOWNLOADS",
        False,
        about="For development only: attachments may be fetched from private addresses, and without "
        "TLS.",
    )

    raw_retention_days: PositiveInt = _setting(
        "BB_RAW_RETENTION_DAYS",
        180,
        about="How long the database keeps what providers sent, as it came; then it is moved into "
        "archives, from which it can be brought back.",
    )
    storage_budget_gb: PositiveFloat = _setting(
        "STORAGE_BUDGET_GB",
        20.0,
        about="Room for database, files and archives together, in units of 1000000000 bytes.",
    )
    storage_alert_threshold_pct: PositiveFloat = _setting(
        "STORAGE_ALERT_THRESHOLD_PCT",
        85.0,
        about="How much of it may be used before somebody is told.",
    )

    lease_seconds: PositiveFloat = _setting(
        "BB_LEASE_SECONDS",
        10.0,
        about="How long what a killed worker held stays held, and how long a published job is given "
        "to arrive before it is rung for again.",
    )
    poll_seconds: PositiveInt = _setting(
        "BB_POLL_SECONDS",
        10,
        about="How often an account is asked what is new that names no time of its own.",
    )
    requests_per_second: PositiveInt = _setting(
        "BB_REQUESTS_PER_SECOND",
        20,
        about="How often all workers together call a provider for one account.",
    )
    backfill_days: PositiveInt = _setting(
        "BB_BACKFILL_DAYS",
        30,
        about="How far back an account is read again whose place was lost.",
    )
    auto_replies: bool = _setting(
        "BB_AUTO_REPLIES",
        True,
        about="No: nothing is sent without a person, whatever workspaces allow. What is on its way "
        "is cancelled.",
    )
    auto_replies_per_conversation: PositiveInt = _setting(
        "BB_AUTO_REPLIES_PER_CONVERSATION",
        4,
        about="Automatic replies in one conversation within an hour; then a person is asked.",
    )
    auto_replies_per_sender: PositiveInt = _setting(
        "BB_AUTO_REPLIES_PER_SENDER",
        20,
        about="Automatic replies to one customer within a day, over all conversations.",
    )
    auto_replies_per_workspace: PositiveInt = _setting(
        "BB_AUTO_REPLIES_PER_WORKSPACE",
        2000,
        about="Automatic replies of one workspace within a day.",
    )
    allow_unsigned_webhooks: bool = _setting(
        "BB_ALLOW_UNSIGNED_WEBHOOKS",
        False,
        about="For development only: believe requests that cannot be checked, because no secret "
        "is set.",
    )
    kill_at: str | None = _setting(
        "BB_KILL_AT",
        None,
        about="For failure tests only: `point=probability,…`; the process kills itself there.",
    )

    ai_mode: AIMode = _setting(
        "BB_AI_MODE",
        AIMode.AUTO,
        about="auto: live where keys are set. offline: never call out. live: keys are required.",
    )
    gateway_url: BaseURL = _setting(
        "LOVABLE_AI_GATEWAY_URL",
        "https://ai.gateway.lovable.dev",
        about="OpenAI-compatible gateway that classifies; `/v1/chat/completions` is appended.",
    )
    gateway_key: SecretStr | None = _setting(
        "LOVABLE_AI_GATEWAY_KEY", None, about="Its key. Unset: evidence alone decides."
    )
    classify_model: str = _setting(
        "LOVABLE_CLASSIFY_MODEL", "google/gemini-2.5-flash", about="Its model."
    )
    gateway_timeout: PositiveFloat = _setting(
        "LOVABLE_TIMEOUT_SECONDS", 60.0, about="Longest wait for one answer."
    )
    anthropic_api_key: SecretStr | None = _setting(
        "ANTHROPIC_API_KEY", None, about="Key for drafts. Unset: no drafts are written."
    )
    anthropic_model: str = _setting(
        "ANTHROPIC_MODEL", "claude-haiku-4-5", about="Model that writes drafts."
    )
    anthropic_url: BaseURL = _setting(
        "ANTHROPIC_API_URL", "https://api.anthropic.com", about="Its base address."
    )
    anthropic_timeout: PositiveFloat = _setting(
        "ANTHROPIC_TIMEOUT_SECONDS", 60.0, about="Longest wait for one draft."
    )
    openai_api_key: SecretStr | None = _setting(
        "OPENAI_API_KEY",
        None,
        about="Key for embeddings. Unset: search goes by words and their pieces.",
    )
    openai_url: BaseURL = _setting(
        "OPENAI_BASE_URL",
        "https://api.openai.com",
        about="Base address of an OpenAI-compatible API; `/v1/embeddings` is appended.",
    )
    openai_timeout_ms: PositiveInt = _setting(
        "OPENAI_TIMEOUT_MS", 20_000, about="Longest wait for one batch of vectors."
    )
    openai_embed_max_inputs: PositiveInt = _setting(
        "OPENAI_EMBED_MAX_INPUTS", 100, about="Texts per call of it."
    )
    embedding_model: str = _setting(
        "EMBEDDING_MODEL",
        "text-embedding-3-small",
        about="Its model. Another one: everything is embedded anew.",
    )
    embed_batch_size: PositiveInt = _setting(
        "EMBED_BATCH_SIZE", 100, about="Pieces of messages that one claim takes."
    )
    embed_stale_recovery_minutes: PositiveInt = _setting(
        "EMBED_STALE_RECOVERY_MINUTES",
        30,
        about="A piece that one worker holds for so long is taken from it, even if it is alive.",
    )
    chunk_size: Annotated[int, Field(ge=100, le=8000)] = _setting(
        "CHUNK_SIZE",
        1000,
        about="Characters of a piece of a message. Counts for messages that come or change.",
    )
    min_embed_chars: PositiveInt = _setting(
        "MIN_EMBED_CHARS", 30, about="Shorter messages are not searched."
    )
    aurinko_url: BaseURL = _setting(
        "AURINKO_API_BASE_URL",
        "https://api.aurinko.io",
        about="Aurinko's base address.",
    )
    aurinko_webhook_secret: SecretStr | None = _setting(
        "AURINKO_WEBHOOK_SECRET",
        None,
        about="The signing secret of the Aurinko application. Unset: its webhooks are refused.",
    )
    telegram_url: BaseURL = _setting(
        "TELEGRAM_API_URL",
        "https://api.telegram.org",
        about="The base address of the Telegram Bot API, or of a Bot API server of your own.",
    )
    twilio_url: BaseURL = _setting(
        "TWILIO_API_URL", "https://api.twilio.com", about="Twilio's base address."
    )
    chatwoot_url: BaseURL = _setting(
        "CHATWOOT_BASE_URL",
        "https://app.chatwoot.com",
        about="The base address of Chatwoot, or of an installation of your own.",
    )
    meta_graph_url: BaseURL = _setting(
        "META_GRAPH_API_URL",
        "https://graph.facebook.com",
        about="Base address of Meta's Graph API.",
    )
    meta_instagram_url: BaseURL = _setting(
        "META_INSTAGRAM_API_URL",
        "https://graph.instagram.com",
        about="The same for accounts that were connected by Instagram Login.",
    )
    meta_graph_version: Annotated[str, Field(pattern=r"^v\d+\.\d+$")] = _setting(
        "META_GRAPH_API_VERSION", "v25.0", about="The version of both."
    )
    meta_app_secret: SecretStr | None = _setting(
        "META_APP_SECRET",
        None,
        about="The secret of the Meta application, for accounts without an `app_secret` of their "
        "own. Unset: webhooks of those are refused.",
    )
    meta_app_id: str | None = _setting(
        "META_APP_ID",
        None,
        about="The id of the Meta application: tells whether a thread was handed over to us or to "
        "another. Unset: it is ours again when a message reaches us directly.",
    )
    meta_verify_token: SecretStr | None = _setting(
        "META_VERIFY_TOKEN",
        None,
        about="What is entered at Meta as verify token, for accounts without a `verify_token` of "
        "their own.",
    )

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, url: str | None) -> str | None:
        """SQLAlchemy 2.1 reads a bare `postgresql://` as psycopg 3, which is not installed."""
        if url is None:
            return None
        for bare in ("postgres://", "postgresql://"):
            if url.startswith(bare):
                return "postgresql+psycopg2://" + url.removeprefix(bare)
        if not url.startswith("postgresql+psycopg2://"):
            raise ValueError("must begin with postgresql://")
        return url

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(
            ("redis://", "rediss://", "redis+socket://", "sentinel://")
        ):
            raise ValueError("must begin with redis:// or rediss://")
        return url

    @field_validator("storage_url")
    @classmethod
    def _storage_scheme(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"file:.|s3://[^/]", url):
            raise ValueError("must begin with file: or s3://")
        return url

    @field_validator("secret_key")
    @classmethod
    def _key_of_32_bytes(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            try:
                length = len(base64.b64decode(key.get_secret_value(), validate=True))
            except ValueError:
                raise ValueError("must be base64") from None
            if length != 32:
                raise ValueError(f"must hold 32 bytes, holds {length}")
        return key

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return level.upper()

    @property
    def storage_budget_bytes(self) -> int:
        """The room that there is."""
        return max(1, round(self.storage_budget_gb * 1_000_000_000))

    @property
    def key_bytes(self) -> bytes:
        """The key for stored credentials."""
        if self.secret_key is None:
            raise ConfigurationError("BB_SECRET_KEY is not set")
        return base64.b64decode(self.secret_key.get_secret_value())


@cache
def load_settings() -> Settings:
    """Read the environment once.

    Raises ConfigurationError that names every faulty variable, not only the first.
    """
    try:
        settings = Settings()
    except ValidationError as exc:
        faults = "; ".join(
            f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in exc.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(f"unusable settings: {faults}") from None
    if settings.ai_mode is AIMode.LIVE:
        unset = [
            name
            for name, key in (
                ("LOVABLE_AI_GATEWAY_KEY", settings.gateway_key),
                ("ANTHROPIC_API_KEY", settings.anthropic_api_key),
            )
            if key is None
        ]
        if unset:
            raise ConfigurationError(
                f"unusable settings: BB_AI_MODE=live needs {', '.join(unset)}"
            )
    return settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a child process the same settings."""
    values: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            value = value.get_secret_value()
        if value is not None:
            values[str(field.validation_alias)] = str(value)
    return values


def process_environment(settings: Settings) -> dict[str, str]:
    """What a process of ours is started with: the settings, and where to find our commands."""
    commands = Path(sys.executable).parent
    return {
        **os.environ,
        **environment_of(settings),
        "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # HTTP clients honour proxies even for the machine itself.
        "NO_PROXY": f"127.0.0.1,localhost,{os.environ.get('NO_PROXY', '')}",
    }


def example() -> str:
    """The text of `.env.example`."""
    lines = ["# Every setting with its default. Generated: python -m app.config"]
    for field in Settings.model_fields.values():
        default = "" if field.default is None else str(field.default)
        lines += ["", f"# {field.description}", f"{field.validation_alias}={default}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(example())
