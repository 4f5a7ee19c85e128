"""Fakes for what lies beyond our border: the broker's far side, the models, a provider's API."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.ai.base import Answers, Question, Reply, Turn, Unusable, Vector
from app.ai.lexical import LexicalEmbedder
from app.domain.decision import Category, JudgedBy, Judgement
from app.domain.proposed_order import OrderContext
from app.errors import PermanentError
from app.jobs.contracts import Job


class CollectingPublisher:
    """Keeps what would have gone to the broker."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def publish(self, jobs: Sequence[Job]) -> int:
        self.jobs.extend(jobs)
        return len(jobs)

    def waiting(self) -> Mapping[str, int]:
        return {}


class ScriptedClassifier:
    """Answers from a script: judgements or errors; an order inquiry where it says nothing."""

    version = "model/test/1"

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.calls: list[list[Question]] = []

    def classify(self, questions: Sequence[Question]) -> Answers:
        self.calls.append(list(questions))
        answer = self.script.pop(0) if self.script else judged()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Judgement | Unusable):
            return Answers([answer] * len(questions))
        return Answers(list(answer))


class ScriptedDrafter:
    """Writes the same reply, or does what the script says before it."""

    def __init__(self, *script: Exception | Callable[[], None]) -> None:
        self.script = list(script)
        self.calls: list[list[Turn]] = []
        self.offered: list[OrderContext | None] = []

    def draft(
        self,
        *,
        business: str,
        subject: str | None,
        turns: Sequence[Turn],
        orders: OrderContext | None = None,
    ) -> Reply:
        self.calls.append(list(turns))
        self.offered.append(orders)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        return Reply("It left today.", "test-model", "draft/1", {"output_tokens": 4})


class ScriptedEmbedder:
    """Embeds by words, or does what the script says before it."""

    nearness = LexicalEmbedder.nearness

    def __init__(self, *script: Any, model: str = "test/1") -> None:
        self.model = model
        self.script = list(script)
        self.calls: list[list[str]] = []
        self.vectors: dict[str, Vector] = {}
        """Of texts that mean what their words do not say."""

    def embed(self, texts: Sequence[str]) -> list[Vector | PermanentError]:
        self.calls.append(list(texts))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        elif step is not None:
            return list(step)
        if self.vectors:
            return [self.vectors[text] for text in texts]
        return LexicalEmbedder().embed(texts)

    def embed_question(
        self, question: str, worth: Mapping[str, float]
    ) -> Vector | PermanentError:
        if self.script or self.vectors:
            return self.embed([question])[0]
        self.calls.append([question])
        return LexicalEmbedder().embed_question(question, worth)

    @property
    def texts(self) -> list[str]:
        """All that it was ever asked about."""
        return [text for call in self.calls for text in call]


def judged(
    category: Category = Category.ORDER,
    confidence: float = 0.9,
    *,
    urgent: bool = False,
) -> Judgement:
    """A model's judgement."""
    return Judgement(
        category=category,
        confidence=confidence,
        reason="asks about an order",
        judged_by=JudgedBy.MODEL,
        source="model/test/1",
        urgent=urgent,
    )


@dataclass(frozen=True)
class Asked:
    """A request that a scripted server got."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    connection: int
    """The client's port: two requests with one number came over one connection."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]
    delay: float
    drop: bool
    cut: bool
    drip: float


class ScriptedServer:
    """Plays a provider on a loopback port: gives the queued answers, keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self._answers: deque[_Answer] = deque()
        self._connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # clients of tests hang up
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(
        self,
        content: Any = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        drop: bool = False,
        cut: bool = False,
        drip: float = 0.0,
    ) -> None:
        """Queue an answer: JSON, or bytes as they are.

        `drop` closes without a word, `cut` breaks off before the end, `drip` waits so many seconds
        before each byte.
        """
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._answers.append(
            _Answer(status, body, headers or {}, delay, drop, cut, drip)
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                scripted._connections.add(self.connection)

            def finish(self) -> None:
                scripted._connections.discard(self.connection)
                super().finish()

            def do_GET(self) -> None:
                scripted._play(self)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _play(self, handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.requests.append(
            Asked(
                method=handler.command,
                path=address.path,
                query=dict(parse_qsl(address.query, keep_blank_values=True)),
                headers=dict(handler.headers.items()),
                body=_read(body, handler.headers.get_content_type()),
                connection=handler.client_address[1],
            )
        )
        answer = self._answers.popleft()
        time.sleep(answer.delay)
        if answer.drop or answer.cut:
            handler.close_connection = True
        if answer.drop:
            return
        handler.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers}
        if headers.get("Transfer-Encoding") != "chunked":
            headers["Content-Length"] = str(len(answer.body))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        sent = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        if not answer.drip:
            handler.wfile.write(sent)
        else:
            for byte in sent:
                time.sleep(answer.drip)
                handler.wfile.write(bytes([byte]))


def _read(body: bytes, content_type: str) -> Any:
    if content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    return json.loads(body) if body else None
