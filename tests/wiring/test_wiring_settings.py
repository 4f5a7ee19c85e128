"""Settings: one place reads the environment, and says at once all that is wrong with it."""

import base64
import re

import pytest

from app.config import (
    ROOT,
    AIMode,
    Settings,
    environment_of,
    example,
    load_settings,
    process_environment,
)
from app.embedded import complete
from app.errors import ConfigurationError

KEY = base64.b64encode(bytes(range(32))).decode()
FIELDS = Settings.model_fields
NAMES = [str(field.validation_alias) for field in FIELDS.values()]

#: Names that operators have in their environments. They do not change.
KNOWN = {
    "DATABASE_URL", "REDIS_URL", "BB_DATA_DIR", "BB_SECRET_KEY", "BB_PUBLIC_URL",
    "BB_WORKER_TOKEN", "BB_IMPORT_BATCH_SIZE", "BB_INGEST_BATCH_SIZE",
    "BB_CLASSIFY_BATCH_SIZE", "BB_DRAFT_BATCH_SIZE", "BB_IMPORT_CAP_MAX",
    "BB_STALLED_RUN_MINUTES", "BB_STALLED_EVENT_MINUTES", "BB_SUPERVISOR_NUDGE_LIMIT",
    "BB_SWEEP_SECONDS", "BB_AI_MODE", "AURINKO_API_BASE_URL", "LOVABLE_AI_GATEWAY_URL",
    "LOVABLE_AI_GATEWAY_KEY", "LOVABLE_CLASSIFY_MODEL", "ANTHROPIC_API_KEY",
    "ANTHROPIC_MODEL", "ANTHROPIC_API_URL", "STORAGE_BUDGET_GB",
    "STORAGE_ALERT_THRESHOLD_PCT", "BB_RAW_RETENTION_DAYS",
}  # fmt: skip

#: Each wrong in its own way, and what must not be repeated of it.
FAULTS = {
    "DATABASE_URL": "mysql://root:hunter2@db/shop",
    "REDIS_URL": "http://:hunter2@cache",
    "BB_SECRET_KEY": "hunter2",
    "BB_PUBLIC_URL": "hunter2 dot example",
    "PORT": "hunter2",
    "BB_LOG_LEVEL": "hunter2",
    "BB_TASK_EVENTS": "hunter2",
    "BB_IMPORT_CAP": "0",
    "BB_DRAFT_BATCH_SIZE": "-1",
    "BB_SWEEP_SECONDS": "hunter2",
    "BB_AI_MODE": "hunter2",
    "ANTHROPIC_API_URL": "hunter2",
}


def test_the_example_is_up_to_date():
    """Else: python -m app.config > .env.example"""
    assert (ROOT / ".env.example").read_text() == example()


def test_the_example_names_every_setting_once():
    named = re.findall(r"^([A-Z_]+)=", example(), re.MULTILINE)

    assert named == NAMES
    assert len(set(named)) == len(named)
    assert set(named) >= KNOWN


def test_the_example_is_the_default(environment):
    default = environment()

    environment(**dict(re.findall(r"^([A-Z_]+)=(.*)$", example(), re.MULTILINE)))

    assert environment.load() == default.load()


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_says_what_it_is_for(field):
    about = FIELDS[field].description

    assert about
    assert about.endswith(".")
    assert "\n" not in about


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_counts_as_unset(environment, name):
    default = environment().load()

    assert environment(**{name: ""}).load() == default


def test_every_faulty_variable_is_named_at_once(environment):
    with pytest.raises(ConfigurationError) as fault:
        environment(**FAULTS).load()

    for name in FAULTS:
        assert f"{name}: " in str(fault.value)
    assert str(fault.value).count("; ") == len(FAULTS) - 1


@pytest.mark.shows("L3")
@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_value_is_never_repeated(environment, name):
    with pytest.raises(ConfigurationError) as fault:
        environment(**{name: FAULTS[name]}).load()

    assert str(fault.value).startswith(f"unusable settings: {name}: ")
    assert "hunter2" not in str(fault.value)
    assert fault.value.__suppress_context__


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg2://u:p@h/d"),
        ("postgresql://u:p@h:5433/d?a=b", "postgresql+psycopg2://u:p@h:5433/d?a=b"),
        ("postgresql+psycopg2://h/d", "postgresql+psycopg2://h/d"),
    ],
    ids=["short", "bare", "with its driver"],
)
def test_a_database_url_names_its_driver(environment, given, used):
    """SQLAlchemy reads a bare `postgresql://` as a driver that is not installed."""
    assert environment(DATABASE_URL=given).load().database_url == used


@pytest.mark.parametrize(
    "given", ["mysql://h/d", "postgresql+asyncpg://h/d", "sqlite://", "h"]
)
def test_another_database_is_refused(environment, given):
    with pytest.raises(ConfigurationError, match="must begin with postgresql://"):
        environment(DATABASE_URL=given).load()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("not base64!", "must be base64"),
        (base64.b64encode(b"short").decode(), "must hold 32 bytes, holds 5"),
        (base64.b64encode(bytes(33)).decode(), "must hold 32 bytes, holds 33"),
    ],
    ids=["not base64", "too short", "too long"],
)
def test_the_secret_key_is_32_bytes(environment, given, fault):
    with pytest.raises(ConfigurationError) as refusal:
        environment(BB_SECRET_KEY=given).load()

    assert str(refusal.value) == f"unusable settings: BB_SECRET_KEY: {fault}"


def test_the_secret_key_is_the_bytes_that_were_meant(environment):
    assert environment(BB_SECRET_KEY=KEY).load().key_bytes == bytes(range(32))


def test_ones_own_database_needs_a_key_of_ones_own(environment):
    with pytest.raises(ConfigurationError, match="BB_SECRET_KEY is required"):
        complete(environment(DATABASE_URL="postgresql://h/d").load())


def test_complete_settings_start_nothing(environment):
    settings = environment(
        DATABASE_URL="postgresql://h/d", REDIS_URL="redis://h/0", BB_SECRET_KEY=KEY
    ).load()

    assert complete(settings) is settings


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "LOVABLE_AI_GATEWAY_KEY, ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_API_KEY": "k"}, "LOVABLE_AI_GATEWAY_KEY"),
        ({"LOVABLE_AI_GATEWAY_KEY": "k"}, "ANTHROPIC_API_KEY"),
    ],
    ids=["neither", "no gateway", "no drafts"],
)
def test_live_models_need_their_keys(environment, given, missing):
    with pytest.raises(ConfigurationError) as fault:
        environment(BB_AI_MODE="live", **given).load()

    assert str(fault.value) == f"unusable settings: BB_AI_MODE=live needs {missing}"


def test_live_models_with_their_keys_are_fine(environment):
    keys = {"LOVABLE_AI_GATEWAY_KEY": "k", "ANTHROPIC_API_KEY": "k"}

    assert environment(BB_AI_MODE="live", **keys).load().ai_mode is AIMode.LIVE


def test_a_base_address_has_no_slash_at_its_end(environment):
    settings = environment(AURINKO_API_BASE_URL="https://aurinko.example/v1/").load()

    assert settings.aurinko_url == "https://aurinko.example/v1"


def test_a_child_process_gets_the_same_settings(environment):
    settings = environment(
        DATABASE_URL="postgresql://u:p@h/d",
        BB_SECRET_KEY=KEY,
        BB_WORKER_TOKEN="hunter2",
        BB_TASK_EVENTS="false",
        BB_SWEEP_SECONDS="0.5",
        BB_AI_MODE="offline",
    ).load()

    inherited = environment(**environment_of(settings)).load()

    assert inherited == settings
    child = process_environment(settings)
    assert child["BB_WORKER_TOKEN"] == "hunter2"
    assert child["PYTHONPATH"] == str(ROOT)
    assert child["NO_PROXY"].startswith("127.0.0.1,localhost")


@pytest.mark.shows("L3")
def test_settings_that_get_into_a_log_show_no_secret(environment):
    settings = environment(
        DATABASE_URL="postgresql://u:hunter2@h/d",
        REDIS_URL="redis://:hunter2@h/0",
        BB_SECRET_KEY=KEY,
        BB_WORKER_TOKEN="hunter2",
        ANTHROPIC_API_KEY="hunter2",
        LOVABLE_AI_GATEWAY_KEY="hunter2",
    ).load()

    for shown in (repr(settings), str(settings)):
        assert "hunter2" not in shown
        assert KEY not in shown


def test_settings_cannot_be_changed(environment):
    with pytest.raises(ValueError, match="frozen"):
        environment().load().port = 1


class Environment:
    """The variables of this process, ours among them replaced."""

    def __init__(self, patch):
        self._patch = patch

    def __call__(self, **variables):
        for name in NAMES:
            self._patch.delenv(name, raising=False)
        for name, value in variables.items():
            self._patch.setenv(name, value)
        return self

    def load(self):
        load_settings.cache_clear()
        return load_settings()


@pytest.fixture
def environment(monkeypatch):
    yield Environment(monkeypatch)
    monkeypatch.undo()
    load_settings.cache_clear()
