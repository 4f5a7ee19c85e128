"""What is asked for every echo is answered from an index."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from app import store
from app.domain.outbound import text_digest


@pytest.fixture
def plan(world, workspace):
    """How the database answers what a function asks."""

    def plan(ask):
        asked = []

        def note(connection, cursor, statement, parameters, *_):
            asked.append((statement, parameters))

        engine = world.database.engine
        with world.transaction(workspace.id) as tx:
            tx.session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
            event.listen(engine, "before_cursor_execute", note)
            try:
                ask(tx)
            finally:
                event.remove(engine, "before_cursor_execute", note)
            rows = tx.session.connection().exec_driver_sql(
                f"EXPLAIN {asked[0][0]}", asked[0][1]
            )
            return "\n".join(row[0] for row in rows)

    return plan


def test_an_echo_is_sought_among_what_is_not_met(world, account, conversation, plan):
    found = plan(
        lambda tx: store.outbound.unmet(
            tx,
            account.id,
            digest=text_digest("hello"),
            recipient_keys={"phone:1"},
            conversation_ids={conversation},
            at=tx.now,
            late_by=timedelta(hours=1),
        )
    )

    assert "ix_outbound_messages_unmet" in found
