"""The embeddings API, and the vectors that need none."""

import base64
import struct

import pytest
from pydantic import SecretStr

from app.ai.embeddings import OpenAIEmbedder
from app.ai.lexical import DIMENSION, LexicalEmbedder
from app.errors import AuthError, PermanentError, RateLimited, RetryableError
from sandbox.server import create_sandbox, listen
from tests.sandboxes import running

REFUSED = {"error": {"message": "no", "type": "invalid_request_error", "code": None}}


def test_each_text_gets_its_vector_whatever_the_order(server, embedder):
    server.answer(answer((1, [0.0, 1.0]), (0, [1.0, 0.0])))

    assert embedder.embed(["first", "second"]) == [[1.0, 0.0], [0.0, 1.0]]

    (asked,) = server.requests
    assert (asked.method, asked.path) == ("POST", "/v1/embeddings")
    assert asked.headers["Authorization"] == "Bearer test-key"
    assert asked.body == {
        "model": "text-embedding-test",
        "input": ["first", "second"],
        "encoding_format": "float",
    }


def test_vectors_in_base64_are_read_too(server, embedder):
    packed = base64.b64encode(struct.pack("<2f", 0.5, -0.25)).decode()
    server.answer(answer((0, packed)))

    assert embedder.embed(["text"]) == [[0.5, -0.25]]


def test_batches_keep_to_both_limits(server, make_embedder):
    for count in (2, 2, 1):
        server.answer(answer(*((one, [1.0]) for one in range(count))))
    make_embedder(most_inputs=2).embed(["text"] * 5)
    # Each text may be 8,000 tokens: its letters have two bytes.
    for count in (37, 3):
        server.answer(answer(*((one, [1.0]) for one in range(count))))
    make_embedder(most_inputs=2048).embed(["ß" * 4_000] * 40)

    sizes = [len(asked.body["input"]) for asked in server.requests]
    assert sizes == [2, 2, 1, 37, 3]


def test_a_text_that_is_too_long_is_embedded_by_its_beginning(server, embedder):
    server.answer(answer((0, [1.0])))

    embedder.embed(["车" * 8_000])

    (asked,) = server.requests
    assert asked.body["input"] == ["车" * 2730]


def test_one_refused_text_spoils_no_other(server, embedder):
    server.answer(REFUSED, status=400)  # all four
    server.answer(answer((0, [1.0]), (1, [2.0])))
    server.answer(REFUSED, status=400)  # the second half
    server.answer(REFUSED, status=400)  # the third
    server.answer(answer((0, [4.0])))

    first, second, third, fourth = embedder.embed(["one", "two", "bad", "four"])

    assert (first, second, fourth) == ([1.0], [2.0], [4.0])
    assert isinstance(third, PermanentError)


def test_an_empty_text_is_not_even_sent(server, embedder):
    server.answer(answer((0, [1.0])))

    empty, full = embedder.embed([" \n", "text"])

    assert isinstance(empty, PermanentError)
    assert full == [1.0]
    assert server.requests[0].body["input"] == ["text"]


def test_where_every_text_is_refused_the_texts_are_not_to_blame(server, embedder):
    for _ in range(40):
        server.answer(REFUSED, status=400)

    with pytest.raises(RetryableError, match="no text is taken"):
        embedder.embed([f"text {number}" for number in range(100)])

    assert len(server.requests) < 40


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (401, {}, AuthError),
        (402, {}, AuthError),
        (404, {"error": {"code": "model_not_found"}}, AuthError),
        (429, {"error": {"type": "insufficient_quota"}}, AuthError),
        (429, {"error": {"code": "rate_limit_exceeded"}}, RateLimited),
        (500, {}, RetryableError),
        (503, b"<html>", RetryableError),
    ],
)
def test_a_refusal_says_what_follows(server, embedder, status, error, fault):
    server.answer(error, status=status)

    with pytest.raises(fault) as told:
        embedder.embed(["my words"])

    assert "my words" not in str(told.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"data": []}, id="none"),
        pytest.param({"data": "no"}, id="no list"),
        pytest.param({}, id="nothing"),
        pytest.param({"data": [None, {"index": "0"}]}, id="no entries"),
        pytest.param(
            {"data": [{"index": 0, "embedding": [1.0]}] * 2}, id="one of them twice"
        ),
        pytest.param(
            {
                "data": [
                    {"index": 0, "embedding": [1.0]},
                    {"index": 1, "embedding": [1.0, 2.0]},
                ]
            },
            id="different lengths",
        ),
        pytest.param(
            {
                "data": [
                    {"index": 0, "embedding": [True]},
                    {"index": 1, "embedding": ["x"]},
                ]
            },
            id="no numbers",
        ),
        pytest.param(
            {
                "data": [
                    {"index": 0, "embedding": "AAA"},
                    {"index": 1, "embedding": ""},
                ]
            },
            id="broken base64",
        ),
        pytest.param(b"[]", id="no object"),
    ],
)
def test_an_answer_that_cannot_be_used_is_asked_for_again(server, embedder, content):
    server.answer(content)

    with pytest.raises(RetryableError):
        embedder.embed(["one", "two"])


def test_a_vector_without_direction_is_none(server, embedder):
    server.answer(answer((0, [0.0, 0.0]), (1, [0.0, 1.0])))

    first, second = embedder.embed(["one", "two"])

    assert isinstance(first, PermanentError)
    assert second == [0.0, 1.0]


def test_with_the_simulated_api(make_embedder):
    with running(create_sandbox(), listen) as url:
        embedder = make_embedder(f"{url}/openai/v1", model="text-embedding-3-small")
        mugs, mug, gears = embedder.embed(
            ["two blue mugs", "blue mugs", "the gears of a bicycle"]
        )
        question = embedder.embed_question("blue mugs", {})

    assert {len(mugs), len(mug), len(gears)} == {1536}
    assert question == mug
    assert cosine(mugs, mug) > 0.7 > embedder.nearness > cosine(mugs, gears)


def test_lexical_vectors_are_the_same_for_ever():
    (vector,) = LexicalEmbedder().embed(["Blue mugs"])

    assert len(vector) == DIMENSION
    assert cosine(vector, vector) == pytest.approx(1)
    marks = {place: round(value, 3) for place, value in enumerate(vector) if value}
    assert marks | {49: 0.343, 190: -0.343, 475: 0.412} == marks
    assert LexicalEmbedder().embed(["blue MUGS"]) == [vector]


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("bicycles", "my bicycle is broken", "where do I park the lorry"),
        ("Rechnungen", "die Rechnung fehlt", "das Fahrrad ist da"),
        ("自行车", "蓝色自行车很好", "请给我发票"),
    ],
)
def test_lexical_vectors_know_other_forms_of_a_word(text, near, far):
    embedder = LexicalEmbedder()
    one, close, other = embedder.embed([text, near, far])

    assert cosine(one, close) > embedder.nearness > cosine(one, other)


def test_in_a_question_rare_words_count():
    lexical = LexicalEmbedder()
    (saddle,) = lexical.embed(["the saddle"])

    plain = lexical.embed_question("when will you send the saddle", {})
    weighed = lexical.embed_question(
        "when will you send the saddle",
        dict.fromkeys(("when", "will", "you", "send"), 0.1),
    )

    assert cosine(weighed, saddle) > cosine(plain, saddle)


def test_a_text_without_words_has_no_vector():
    assert isinstance(LexicalEmbedder().embed(["?!"])[0], PermanentError)


def answer(*vectors):
    data = [{"index": index, "embedding": vector} for index, vector in vectors]
    return {"object": "list", "data": data}


def cosine(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.fixture
def make_embedder(server):
    def make(url=server.url, *, model="text-embedding-test", most_inputs=100):
        return OpenAIEmbedder(
            base_url=url,
            key=SecretStr("test-key"),
            model=model,
            timeout=10,
            most_inputs=most_inputs,
        )

    return make


@pytest.fixture
def embedder(make_embedder):
    return make_embedder()
