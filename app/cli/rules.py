"""`rules`: what a workspace has decided about senders."""

from uuid import UUID

import click

from app import store
from app.cli import session
from app.cli.output import json_option, report, show, show_one
from app.domain.decision import Category, Decision
from app.domain.ids import new_id
from app.domain.status import RuleField
from app.errors import InvalidInput, NotFound


@click.group()
def rules() -> None:
    """Sender rules."""


@rules.command("add")
@session.workspace_option
@click.option(
    "--field",
    type=click.Choice([field.value for field in RuleField]),
    default=RuleField.ADDRESS.value,
    show_default=True,
)
@click.option(
    "--category",
    required=True,
    type=click.Choice([category.value for category in Category]),
)
@click.option(
    "--decision", type=click.Choice([decision.value for decision in Decision])
)
@click.argument("pattern")
@json_option
def add_rule(workspace, field, category, decision, pattern, as_json):  # type: ignore[no-untyped-def]
    """Decide about a sender; the same pattern again is a new version of its rule."""
    owner = session.workspace(workspace)
    if not pattern.strip():
        # It would be found in every subject.
        raise InvalidInput("a rule needs a pattern")
    with session.runtime().transaction(owner.id) as tx:
        rule = store.rules.put(
            tx,
            {
                "id": new_id(),
                "workspace_id": owner.id,
                "field": RuleField(field),
                "pattern": pattern.strip().lower(),
                "category": Category(category),
                "decision": Decision(decision) if decision else None,
            },
        )
        store.tenants.record_audit(
            tx,
            workspace_id=owner.id,
            actor="cli",
            action="rule.put",
            subject=str(rule.id),
            details={"field": field, "version": rule.version},
        )
    show_one({"id": rule.id, "version": rule.version}, as_json=as_json)


@rules.command("list")
@session.workspace_option
@json_option
def list_rules(workspace: str, as_json: bool) -> None:
    """The rules of a workspace."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        rows = [
            {
                "id": rule.id,
                "field": rule.field,
                "pattern": rule.pattern,
                "category": rule.category,
                "decision": rule.decision,
                "version": rule.version,
            }
            for rule in store.rules.all_rules(tx)
        ]
    columns = ("id", "field", "pattern", "category", "decision", "version")
    show(rows, columns, as_json=as_json)


@rules.command("remove")
@session.workspace_option
@click.argument("rule_id", type=session.ID)
@json_option
def remove_rule(workspace: str, rule_id: UUID, as_json: bool) -> None:
    """Delete a rule; decisions that it made keep naming it."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        if not store.rules.remove(tx, rule_id):
            raise NotFound(f"no rule {rule_id}")
        store.tenants.record_audit(
            tx,
            workspace_id=owner.id,
            actor="cli",
            action="rule.remove",
            subject=str(rule_id),
        )
    report(f"{rule_id} is removed", {"id": rule_id, "removed": True}, as_json=as_json)
