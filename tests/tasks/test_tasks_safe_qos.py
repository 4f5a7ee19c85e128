"""A worker whose Redis stalls while it acknowledges does not go deaf."""

import signal
import socket
import subprocess

import pytest
import redis
from kombu import Connection

from app.embedded import redis_binary


@pytest.fixture(autouse=True)
def installed(environment):
    """As every process of ours has it."""
    import tasks.celery_app  # noqa: F401


@pytest.mark.shows("K3")
@pytest.mark.parametrize(
    "settle",
    [lambda message: message.ack(), lambda message: message.reject()],
    ids=["acknowledged", "rejected"],
)
def test_a_slot_is_free_again_when_redis_does_not_confirm(stallable, settle):
    message, qos, stall, _ = stallable
    assert not qos.can_consume()

    with stall(), pytest.raises(redis.TimeoutError):
        settle(message)

    assert qos.can_consume()


@pytest.mark.shows("K3")
def test_a_message_that_is_acknowledged_is_gone(stallable):
    message, qos, _, client = stallable

    message.ack()

    assert qos.can_consume()
    assert client.hlen("unacked") == 0
    assert client.llen("test") == 0


def test_a_message_that_is_handed_back_waits_again(stallable):
    message, qos, _, client = stallable

    message.requeue()

    assert qos.can_consume()
    assert client.hlen("unacked") == 0
    assert client.llen("test") == 1


@pytest.fixture
def stallable(server):
    """A message in the only slot of a channel, and a Redis that can be brought to a halt."""
    process, url = server
    options = {"socket_timeout": 0.3}
    with (
        Connection(url, transport_options=options) as connection,
        redis.Redis.from_url(url) as client,
    ):
        queue = connection.SimpleQueue("test")
        queue.put({"event_ids": []})
        channel = queue.consumer.channel
        channel.basic_qos(0, 1, False)
        message = queue.get(timeout=5)

        class Stalled:
            def __enter__(self):
                process.send_signal(signal.SIGSTOP)

            def __exit__(self, *_):
                process.send_signal(signal.SIGCONT)

        yield message, channel.qos, Stalled, client
        queue.close()


@pytest.fixture
def server():
    """A Redis of its own, since all tests share the other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.PIPE,
        text=True,
    )
    while "Ready to accept connections" not in process.stdout.readline():
        assert process.poll() is None
    yield process, f"redis://127.0.0.1:{port}/0"
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.communicate(timeout=10)
