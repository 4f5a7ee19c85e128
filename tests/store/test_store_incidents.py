"""Incidents: one row per condition, for as long as it lasts and when it comes back."""

from uuid import uuid4

import pytest

from app import store
from app.domain.status import IncidentStatus, Severity


@pytest.mark.shows("K5")
def test_the_same_condition_is_one_incident(report, incidents):
    report(details={"events": 1})
    report(details={"events": 5}, severity=Severity.CRITICAL)

    (incident,) = incidents()

    assert (incident.kind, incident.count) == ("stalled", 2)
    assert (incident.status, incident.severity) == ("open", "critical")
    assert incident.details == {"events": 5}
    assert incident.first_seen_at < incident.last_seen_at


def test_conditions_are_told_apart_by_key_and_workspace(
    report, incidents, make, workspace
):
    other = make.workspace()

    report(dedupe_key="a")
    report(dedupe_key="b")
    report(dedupe_key="a", workspace_id=workspace.id)
    report(dedupe_key="a", workspace_id=other.id)

    assert {(one.dedupe_key, one.workspace_id, one.count) for one in incidents()} == {
        ("a", None, 1),
        ("b", None, 1),
        ("a", workspace.id, 1),
        ("a", other.id, 1),
    }


@pytest.mark.shows("K5")
def test_what_has_cleared_is_resolved_and_what_has_not_stays(
    runtime, report, incidents
):
    report(dedupe_key="cleared")
    report(dedupe_key="lasting")
    report(dedupe_key="of another kind", kind="another")

    with runtime.system_transaction() as tx:
        resolved = store.incidents.resolve(tx, kind="stalled", still_true=["lasting"])

    assert resolved == ["cleared"]
    assert [(one.dedupe_key, one.status) for one in incidents()] == [
        ("lasting", "open"),
        ("of another kind", "open"),
    ]


@pytest.mark.shows("K5")
def test_a_condition_that_comes_back_opens_its_incident_with_its_history(
    runtime, report, incidents
):
    report()
    (before,) = incidents()
    with runtime.system_transaction() as tx:
        store.incidents.resolve(tx, kind="stalled")
    assert incidents() == []

    report()

    (after,) = incidents()
    assert (after.id, after.count) == (before.id, 2)
    assert (after.status, after.resolved_at) == (IncidentStatus.OPEN, None)
    assert after.first_seen_at == before.first_seen_at


def test_what_somebody_looks_after_stays_acknowledged(runtime, report, incidents):
    report()
    (incident,) = incidents()
    with runtime.system_transaction() as tx:
        store.incidents.set_status(tx, incident.id, IncidentStatus.ACKNOWLEDGED)

    report()

    (after,) = incidents()
    assert (after.status, after.count) == (IncidentStatus.ACKNOWLEDGED, 2)


def test_what_is_acknowledged_is_resolved_when_it_clears(runtime, report, incidents):
    report()
    (incident,) = incidents()
    with runtime.system_transaction() as tx:
        store.incidents.set_status(tx, incident.id, IncidentStatus.ACKNOWLEDGED)

    with runtime.system_transaction() as tx:
        resolved = store.incidents.resolve(tx, kind="stalled")

    assert resolved == ["key"]
    assert incidents() == []


def test_what_is_resolved_is_not_resolved_again(runtime, report):
    report()
    with runtime.system_transaction() as tx:
        store.incidents.resolve(tx, kind="stalled")

    with runtime.system_transaction() as tx:
        assert store.incidents.resolve(tx, kind="stalled") == []


def test_resolved_incidents_stay_readable(runtime, report):
    report()
    with runtime.system_transaction() as tx:
        store.incidents.resolve(tx, kind="stalled")

    with runtime.system_transaction() as tx:
        (incident,) = store.incidents.find(tx, open_only=False)

    assert incident.status is IncidentStatus.RESOLVED
    assert incident.resolved_at is not None


def test_an_incident_that_is_not_there_cannot_be_closed(runtime):
    with runtime.system_transaction() as tx:
        assert not store.incidents.set_status(tx, uuid4(), IncidentStatus.RESOLVED)


def test_a_workspace_reports_under_its_own_role(runtime, workspace, incidents):
    for _ in range(2):
        with runtime.transaction(workspace.id) as tx:
            store.incidents.report(
                tx, kind="refused", dedupe_key="refused", workspace_id=workspace.id
            )

    (incident,) = incidents()
    assert (incident.workspace_id, incident.count) == (workspace.id, 2)


@pytest.fixture
def report(runtime):
    def report(kind="stalled", dedupe_key="key", **values):
        with runtime.system_transaction() as tx:
            store.incidents.report(tx, kind=kind, dedupe_key=dedupe_key, **values)

    return report


@pytest.fixture
def incidents(runtime):
    """The open ones, by key."""

    def incidents():
        with runtime.system_transaction() as tx:
            found = store.incidents.find(tx)
        return sorted(found, key=lambda one: one.dedupe_key)

    return incidents
