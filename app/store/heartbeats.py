"""`heartbeats`: the turns of periodic jobs, claimed so that two beats do the work of one."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.models import Heartbeat
from app.store.transaction import Transaction


def take_turn(tx: Transaction, name: str, *, every: timedelta) -> bool:
    """Take the turn of a periodic job; False where somebody took it less than `every` ago."""
    offered = insert(Heartbeat).values(name=name, at=tx.now)
    taken = tx.session.execute(
        offered.on_conflict_do_update(
            index_elements=["name"],
            set_={"at": offered.excluded.at},
            where=Heartbeat.at <= tx.now - every,
        ).returning(Heartbeat.name)
    )
    return taken.first() is not None


def all_beats(tx: Transaction) -> Mapping[str, datetime]:
    """When each periodic job last took its turn."""
    return {beat.name: beat.at for beat in tx.session.scalars(select(Heartbeat))}
