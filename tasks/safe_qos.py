"""Keeps a worker from going deaf when Redis stalls while a job is acknowledged.

kombu frees the worker's slot for the next job only after Redis has confirmed. If Redis does not answer
in time, the error is logged, the slot is lost, and a worker with one slot takes no job any more while
it still answers pings. Here the slot is freed in any case; the message stays in `unacked` and comes
back after the visibility timeout, where its claim finds nothing to do.

This replaces methods of kombu 5.7.0, which is pinned for that reason.
"""

from kombu.transport import redis, virtual


class SafeQoS(redis.QoS):
    """Frees the slot whatever Redis says."""

    def ack(self, delivery_tag: str) -> None:
        try:
            self._remove_from_indices(delivery_tag).execute()  # type: ignore[attr-defined]
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            if requeue:
                self.restore_by_tag(delivery_tag, leftmost=True)
            else:
                self._remove_from_indices(delivery_tag).execute()  # type: ignore[attr-defined]
        finally:
            virtual.QoS.ack(self, delivery_tag)


def install() -> None:
    """Use it for every channel opened from now on."""
    redis.Channel.QoS = SafeQoS
