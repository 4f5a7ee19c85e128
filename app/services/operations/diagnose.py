"""Check everything the system stands on, and say what to do about each finding."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.config import AIMode
from app.errors import StorageAway
from app.jobs.broker import Broker
from app.runtime import Runtime
from app.store import migrations
from app.store.transaction import SYSTEM_ROLE, WORKSPACE_ROLE

OLDEST_POSTGRES = 15


@dataclass(frozen=True)
class Finding:
    """One check. `advice` is empty where all is well."""

    check: str
    ok: bool
    found: str
    advice: str = ""


def diagnose(runtime: Runtime) -> list[Finding]:
    """Run every check; none raises."""
    findings: list[Finding] = []
    for check in CHECKS:
        findings += _guarded(check, runtime)
    return findings


def _guarded(
    check: Callable[[Runtime], Iterator[Finding]], runtime: Runtime
) -> list[Finding]:
    name = check.__name__.strip("_")
    try:
        return list(check(runtime))
    except (DBAPIError, SQLAlchemyError) as exc:
        reason = str(getattr(exc, "orig", exc)).strip().splitlines()[0]
        advice = "start PostgreSQL, or correct DATABASE_URL; then: bizzybee migrate"
        return [Finding(name, False, reason, advice)]
    except redis.RedisError as exc:
        return [Finding(name, False, str(exc), "start Redis, or correct REDIS_URL")]
    except StorageAway as exc:
        advice = "see that BB_STORAGE_URL is there, has room and may be written"
        return [Finding(name, False, str(exc), advice)]


def _database(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.engine.connect() as connection:
        version, number = connection.execute(
            text(
                "SELECT current_setting('server_version'),"
                " current_setting('server_version_num')::int"
            )
        ).one()
    ok = number // 10_000 >= OLDEST_POSTGRES
    advice = "" if ok else f"PostgreSQL {OLDEST_POSTGRES} or newer is needed"
    yield Finding("database", ok, f"PostgreSQL {version}", advice)


def _schema(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.engine.connect() as connection:
        current = migrations.current_revision(connection)
    head = migrations.head_revision()
    advice = "" if current == head else "run: bizzybee migrate"
    yield Finding("schema", current == head, f"at {current}, code at {head}", advice)


def _roles(runtime: Runtime) -> Iterator[Finding]:
    """Whether we may become the roles behind the walls between tenants."""
    for role in (WORKSPACE_ROLE, SYSTEM_ROLE):
        with runtime.database.engine.connect() as connection:
            row = connection.execute(
                text(
                    "SELECT rolbypassrls OR rolsuper AS bypasses,"
                    " pg_has_role(current_user, oid, 'MEMBER') AS member"
                    " FROM pg_roles WHERE rolname = :role"
                ),
                {"role": role},
            ).first()
        if row is None:
            yield Finding(f"role {role}", False, "missing", "run: bizzybee migrate")
        elif row.bypasses:
            advice = f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS"
            yield Finding(f"role {role}", False, "bypasses row security", advice)
        else:
            advice = "" if row.member else f"GRANT {role} TO the user of DATABASE_URL"
            found = "in place" if row.member else "not granted to us"
            yield Finding(f"role {role}", bool(row.member), found, advice)


def _vector(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT installed_version AS version,"
                # Before that, it is the migration that installs it.
                " to_regclass('public.rag_chunks') IS NOT NULL AS could_be_used"
                " FROM pg_available_extensions WHERE name = 'vector'"
            )
        ).first()
    if row is not None and row.version:
        yield Finding("extension vector", True, f"pgvector {row.version}")
    else:
        ok = row is None or not row.could_be_used
        advice = "" if ok else "CREATE EXTENSION vector; run alembic/sql/vectors.sql"
        found = "not installed: search goes by words only"
        yield Finding("extension vector", ok, found, advice)


def _broker(runtime: Runtime) -> Iterator[Finding]:
    assert runtime.settings.redis_url is not None
    broker = Broker(runtime.settings.redis_url)
    broker.ping()
    yield Finding("broker", True, "Redis answers")
    policy = broker.eviction_policy()
    ok = policy in {"noeviction", "unknown"}
    advice = "" if ok else "set maxmemory-policy noeviction: others delete whole queues"
    yield Finding("broker memory policy", ok, policy, advice)


def _storage(runtime: Runtime) -> Iterator[Finding]:
    # A workspace that nobody has: what is put there is nobody's.
    key = runtime.storage.put(UUID(int=0), b"written by: bizzybee doctor")
    is_there = runtime.storage.exists(key)
    runtime.storage.delete(key)
    advice = "" if is_there else "see that all machines have the same BB_STORAGE_URL"
    yield Finding("storage", is_there, "takes and gives back files", advice)


def _models(runtime: Runtime) -> Iterator[Finding]:
    settings = runtime.settings
    for name, key, without in (
        ("LOVABLE_AI_GATEWAY_KEY", settings.gateway_key, "evidence alone decides"),
        ("ANTHROPIC_API_KEY", settings.anthropic_api_key, "no drafts are written"),
        ("OPENAI_API_KEY", settings.openai_api_key, "search knows words, not meanings"),
    ):
        if settings.ai_mode is AIMode.OFFLINE:
            yield Finding(name, True, f"not used, BB_AI_MODE is offline: {without}")
        elif key is None:
            yield Finding(name, True, f"not set: {without}")
        else:
            yield Finding(name, True, "set")


def _adapters(runtime: Runtime) -> Iterator[Finding]:
    yield Finding("adapters", True, ", ".join(sorted(runtime.adapters)))


CHECKS = (
    _database,
    _schema,
    _roles,
    _vector,
    _broker,
    _storage,
    _models,
    _adapters,
)
