"""`workspace`, `config` and `key`."""

import hashlib
import json
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app import store
from app.domain.status import ConfigStatus, Scope
from app.errors import AccessDenied
from app.models import APIKey, AuditEntry
from app.services import accounts

SECRET = "ya29.very-secret"


def test_a_workspace_is_made_and_listed(bizzybee, runtime):
    made = bizzybee("workspace", "create", "  Harbour Bikes ", "--json").json

    with runtime.system_transaction() as tx:
        (workspace,) = store.tenants.workspaces(tx)
    assert made == {"id": str(workspace.id), "name": "Harbour Bikes"}
    (listed,) = bizzybee("workspace", "list", "--json").json
    assert listed == made | {
        "auto_reply": False,
        "trust_orders": False,
        "created_at": workspace.created_at.isoformat(),
    }


def test_a_workspace_that_is_there_is_not_made_twice(bizzybee, workspace):
    done = bizzybee("workspace", "create", workspace.name, "--json")

    assert (done.code, done.out) == (1, "")
    assert done.err == f"there is a workspace named {workspace.name!r} already\n"
    assert len(bizzybee("workspace", "list", "--json").json) == 1


@pytest.mark.parametrize(
    ("options", "channel"),
    [
        (("--provider", "whatsapp"), "whatsapp"),
        (("--provider", "messenger"), "facebook"),
        (("--provider", "direct"), "email"),
        (("--provider", "direct", "--channel", "sms"), "sms"),
    ],
    ids=["whatsapp", "messenger", "direct", "named"],
)
def test_an_account_is_of_the_channel_of_its_provider(
    bizzybee, runtime, workspace, options, channel
):
    bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop", "--account-id", "1"),
        *options,
    )

    with runtime.transaction(workspace.id) as tx:
        (config,) = store.tenants.configs(tx)
    assert (config.channel, config.poll_seconds) == (channel, None)


def test_an_account_is_connected_and_its_credentials_are_never_shown(
    bizzybee, runtime, workspace, tmp_path
):
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"access_token": SECRET}))

    done = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "aurinko", "--address", "shop@shop.example"),
        *("--credentials", file, "--json"),
    )
    listed = bizzybee("config", "list", "-w", workspace.id, "--json")
    table = bizzybee("config", "list", "-w", workspace.id)

    with runtime.transaction(workspace.id) as tx:
        (config,) = store.tenants.configs(tx)
    assert done.json == {"id": str(config.id), "name": "Shop"}
    (row,) = listed.json
    assert row.pop("connected_at")
    assert row == {
        "id": str(config.id),
        "name": "Shop",
        "channel": "email",
        "provider": "aurinko",
        "addresses": ["shop@shop.example"],
        "status": "active",
        "status_reason": None,
        "poll_seconds": None,
        "subscribes": False,
        "last_fetch": None,
        "rate_limited_until": None,
        "trouble": {},
    }
    for shown in (done, listed, table):
        assert SECRET not in shown.out + shown.err
    assert SECRET.encode() not in config.credentials
    assert accounts.account_of(runtime, config).credentials == {"access_token": SECRET}


def test_credentials_may_come_from_a_pipe(bizzybee, runtime, workspace):
    stdin = json.dumps({"access_token": SECRET})

    done = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "aurinko", "--credentials", "-", "--json"),
        stdin=stdin,
    )

    config = accounts.find_config(runtime, workspace.id, done.json["id"])
    assert accounts.account_of(runtime, config).credentials == {"access_token": SECRET}


@pytest.mark.shows("L3")
@pytest.mark.parametrize(
    "content",
    [f'{{"access_token": "{SECRET}"', f'"{SECRET}"', f'["{SECRET}"]'],
    ids=["broken", "a text", "a list"],
)
def test_unusable_credentials_are_refused_without_repeating_them(
    bizzybee, runtime, workspace, content
):
    done = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "aurinko", "--credentials", "-"),
        stdin=content,
    )

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("the credentials are not")
    assert SECRET not in done.err
    with runtime.transaction(workspace.id) as tx:
        assert store.tenants.configs(tx) == []


@pytest.mark.shows("L6")
def test_an_account_is_asked_now_what_is_new(bizzybee, runtime, workspace, broker):
    bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "aurinko", "--poll-seconds", "3600"),
    )
    bizzybee("sweep")
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE sync_watermarks SET next_attempt_at = now() + interval '1 hour'"
        )
    rung = broker.depths()["bb_sync_jobs"]

    first = bizzybee("config", "poll", "-w", workspace.name, "Shop", "--json").json
    second = bizzybee("config", "poll", "-w", workspace.name, "Shop", "--json").json

    assert (first["hurried"], second["hurried"]) == (True, False)
    assert (rung, broker.depths()["bb_sync_jobs"]) == (1, 2)


@pytest.mark.parametrize(
    ("options", "is_polled"),
    [((), False), (("--subscribe",), True), (("--subscribe", "--no-poll"), False)],
)
def test_who_is_called_is_also_asked_for_what_a_call_could_not_tell(
    bizzybee, runtime, workspace, options, is_polled
):
    made = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "aurinko", *options, "--json"),
    ).json

    config = accounts.find_config(runtime, workspace.id, made["id"])
    assert (config.poll_seconds is not None) is is_polled


def test_polling_is_switched_on_and_off(bizzybee, runtime, workspace, config):
    def polled():
        return accounts.find_config(runtime, workspace.id, config.name).poll_seconds

    words = ("config", "update", "-w", workspace.name, config.name)
    bizzybee(*words, "--poll-seconds", "60")
    on = polled()
    bizzybee(*words, "--no-poll")

    assert (on, polled()) == (60, None)


def test_a_direct_account_cannot_be_polled(bizzybee, make, workspace):
    direct = make.config(workspace, provider="direct")

    done = bizzybee(
        *("config", "update", "-w", workspace.name, direct.name),
        *("--poll-seconds", "60"),
    )

    assert (done.code, done.err) == (1, "direct cannot be polled\n")


@pytest.mark.parametrize("option", [("--poll-seconds", "5"), ("--subscribe",)])
def test_what_nobody_can_be_asked_is_not_connected_that_way(
    bizzybee, workspace, option
):
    done = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "direct", *option),
    )

    assert done.code == 1
    assert done.err == "nothing is fetched for a direct account\n"


def test_settings_are_chosen_and_chosen_again(bizzybee, runtime, workspace, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"imap_folders": {"SENT": "Gesendet"}}))
    words = ("-w", workspace.name, "--settings", "-", "--json")

    made = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", "Shop"),
        *("--provider", "imap", "--settings", file, "--json"),
    ).json
    first = accounts.find_config(runtime, workspace.id, made["id"]).settings
    bizzybee("config", "update", *words, "Shop", stdin='{"imap_folders": {}}')

    config = accounts.find_config(runtime, workspace.id, made["id"])
    assert first == {"imap_folders": {"SENT": "Gesendet"}}
    assert config.settings == {"imap_folders": {}}
    assert config.credentials is None


def test_an_update_of_nothing_is_a_usage_error(bizzybee, workspace, config):
    done = bizzybee("config", "update", "-w", workspace.name, config.name)

    assert (done.code, done.out) == (2, "")


def test_an_account_name_is_taken_once_per_workspace(bizzybee, config, workspace):
    done = bizzybee(
        *("config", "add", "-w", workspace.name, "--name", config.name),
        *("--provider", "aurinko"),
    )

    assert done.code == 1
    assert done.err == f"there is an account named {config.name!r} already\n"


@pytest.mark.shows("L6")
def test_an_account_is_paused_and_resumed(bizzybee, runtime, workspace, config):
    def status():
        return accounts.find_config(runtime, workspace.id, config.name).status

    paused = bizzybee("config", "pause", "-w", workspace.name, config.name)
    assert (paused.code, paused.out) == (0, "")
    assert paused.err == f"{config.name} is paused\n"
    assert status() is ConfigStatus.PAUSED

    resumed = bizzybee("config", "resume", "-w", workspace.name, config.id, "--json")
    assert resumed.json == {
        "id": str(config.id),
        "name": config.name,
        "status": "active",
    }
    assert status() is ConfigStatus.ACTIVE


@pytest.mark.shows("L3")
def test_a_key_is_shown_once_and_only_its_hash_is_kept(bizzybee, runtime, workspace):
    done = bizzybee(
        *("key", "create", "-w", workspace.name, "--name", "CRM"),
        *("--scope", "read", "--scope", "ingest", "--json"),
    ).json

    with runtime.transaction(workspace.id) as tx:
        (row,) = store.tenants.keys(tx)
        audit = tx.session.scalars(select(AuditEntry.details)).all()
    key = done["key"]
    assert done == {"key": key, "prefix": row.prefix, "scopes": ["ingest", "read"]}
    assert row.secret_hash == hashlib.sha256(key.encode()).digest()
    secret = key.rpartition("_")[2]
    kept = json.dumps([str(getattr(row, c.name)) for c in APIKey.__table__.columns])
    assert secret not in kept + json.dumps(audit)
    assert accounts.authenticate(runtime, key, [Scope.READ]) == workspace.id

    listed = bizzybee("key", "list", "-w", workspace.name, "--json")
    assert [one["prefix"] for one in listed.json] == [row.prefix]
    assert secret not in listed.out


@pytest.mark.shows("L6")
def test_a_revoked_key_opens_nothing(bizzybee, runtime, make, workspace):
    key = make.key(workspace, Scope.READ)
    prefix = key.split("_")[1]

    done = bizzybee("key", "revoke", prefix)

    assert (done.code, done.out, done.err) == (0, "", f"{prefix} is revoked\n")
    with pytest.raises(AccessDenied):
        accounts.authenticate(runtime, key, [Scope.READ])
    again = bizzybee("key", "revoke", prefix)
    assert (again.code, again.err) == (1, f"no key '{prefix}' in force\n")


def test_a_key_needs_a_scope_that_exists(bizzybee, workspace):
    none = bizzybee("key", "create", "-w", workspace.name, "--name", "CRM")
    unknown = bizzybee(
        *("key", "create", "-w", workspace.name, "--name", "CRM", "--scope", "all")
    )

    assert (none.code, unknown.code) == (2, 2)
    assert "Missing option '--scope'" in none.err
    assert "'all' is not one of" in unknown.err


@pytest.mark.parametrize(
    "words",
    [
        ("config", "list"),
        ("key", "list"),
        ("runs", "list"),
        ("rules", "list"),
        ("events", "list"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("reference", ["nobody", str(UUID(int=7))], ids=["name", "id"])
def test_a_workspace_that_is_not_there_is_one_sentence(bizzybee, words, reference):
    done = bizzybee(*words, "-w", reference, "--json")

    assert (done.code, done.out) == (1, "")
    assert done.err == (f"no workspace {reference!r}; see: bizzybee workspace list\n")


@pytest.mark.shows("L1")
def test_an_account_of_another_workspace_is_not_there(
    bizzybee, make, workspace, config
):
    other = make.workspace()

    for reference in (config.name, str(config.id)):
        done = bizzybee("config", "pause", "-w", other.name, reference)

        assert done.code == 1
        assert done.err == f"no account {reference!r}; see: bizzybee config list\n"
    assert accounts.find_config(make.runtime, workspace.id, config.name).status is (
        ConfigStatus.ACTIVE
    )


@pytest.mark.parametrize("name", ["[/red]", "[bold]x", "[link=x]", "a\\[b"])
def test_a_name_that_looks_like_markup_is_shown_as_it_is(bizzybee, make, name):
    workspace = make.workspace(name)
    make.config(workspace, name=name)

    assert name in bizzybee("workspace", "list").out
    assert name in bizzybee("config", "list", "-w", name).out
    assert name in bizzybee("config", "pause", "-w", name, name).err
    assert bizzybee("workspace", "create", name).err == (
        f"there is a workspace named {name!r} already\n"
    )


def test_an_id_is_never_cut(bizzybee, workspace, config):
    assert str(workspace.id) in bizzybee("workspace", "list").out
    assert str(config.id) in bizzybee("config", "list", "-w", workspace.name).out


def test_rules_are_added_changed_listed_and_removed(bizzybee, workspace):
    add = ("rules", "add", "-w", workspace.name, "--json")

    first = bizzybee(*add, "--category", "spam", " Shop@Example.com ").json
    again = bizzybee(*add, "--category", "order", "shop@example.com").json
    listed = bizzybee("rules", "list", "-w", workspace.name, "--json").json

    assert (first["version"], again["version"]) == (1, 2)
    assert first["id"] == again["id"]
    assert listed == [
        {
            "id": first["id"],
            "field": "address",
            "pattern": "shop@example.com",
            "category": "order",
            "decision": None,
            "version": 2,
        }
    ]

    removed = bizzybee("rules", "remove", "-w", workspace.name, first["id"])
    gone = bizzybee("rules", "remove", "-w", workspace.name, first["id"])

    assert removed.err == f"{first['id']} is removed\n"
    assert (gone.code, gone.err) == (1, f"no rule {first['id']}\n")
    assert bizzybee("rules", "list", "-w", workspace.name, "--json").json == []


@pytest.mark.shows("L1")
def test_a_rule_of_another_workspace_is_not_there(bizzybee, make, workspace):
    add = ("rules", "add", "-w", workspace.name, "--category", "spam", "--json")
    rule = bizzybee(*add, "a@example.com").json

    done = bizzybee("rules", "remove", "-w", make.workspace().name, rule["id"])

    assert done.code == 1
    assert len(bizzybee("rules", "list", "-w", workspace.name, "--json").json) == 1


def test_a_rule_without_a_pattern_would_match_everything(bizzybee, workspace):
    done = bizzybee(
        *("rules", "add", "-w", workspace.name, "--field", "subject"),
        *("--category", "spam", "  "),
    )

    assert (done.code, done.err) == (1, "a rule needs a pattern\n")
    assert bizzybee("rules", "list", "-w", workspace.name, "--json").json == []


@pytest.mark.shows("L5")
def test_every_change_is_audited(bizzybee, runtime, workspace, config):
    bizzybee("config", "pause", "-w", workspace.name, config.name)
    key = bizzybee(
        *("key", "create", "-w", workspace.name, "--name", "CRM"),
        *("--scope", "read", "--json"),
    ).json
    bizzybee("key", "revoke", key["prefix"])
    rule = bizzybee(
        *("rules", "add", "-w", workspace.name, "--category", "spam"),
        *("a@example.com", "--json"),
    ).json
    bizzybee("rules", "remove", "-w", workspace.name, rule["id"])

    with runtime.transaction(workspace.id) as tx:
        entries = tx.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(one.actor, one.action, one.subject) for one in entries] == [
        ("cli", "config.add", str(config.id)),
        ("cli", "config.paused", str(config.id)),
        ("cli", "key.create", key["prefix"]),
        ("cli", "key.revoke", key["prefix"]),
        ("cli", "rule.put", rule["id"]),
        ("cli", "rule.remove", rule["id"]),
    ]


def test_what_is_no_id_is_a_usage_error(bizzybee, workspace):
    done = bizzybee("rules", "remove", "-w", workspace.name, "not-an-id")

    assert done.code == 2
    assert "'not-an-id' is not a valid UUID" in done.err


def test_an_unknown_rule_is_one_sentence(bizzybee, workspace):
    rule_id = uuid4()

    done = bizzybee("rules", "remove", "-w", workspace.name, rule_id)

    assert (done.code, done.out, done.err) == (1, "", f"no rule {rule_id}\n")
