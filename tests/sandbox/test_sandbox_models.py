"""The sandbox's models: the gateway, Anthropic and the embeddings."""

import base64
import json
import math
import struct

import anthropic
import pytest

CHAT = "/gateway/v1/chat/completions"
EMBEDDINGS = "/openai/v1/embeddings"
DRAFTS = "/anthropic/v1/messages"
RESULT = {
    "type": "object",
    "properties": {
        "index": {"type": "integer"},
        "category": {"type": "string", "enum": ["order", "booking", "other"]},
        "confidence": {"type": "number"},
        "urgent": {"type": "boolean"},
        "reason": {"type": "string"},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"results": {"type": "array", "items": RESULT}},
    "required": ["results"],
}


def test_a_batch_is_answered_message_by_message(sandbox):
    asked = batch(
        {"index": 7, "subject": "Order 1042", "text": "Where is my delivery?"},
        {"index": 3, "text": "Ich brauche heute noch einen Termin"},
    )

    answer = sandbox.post(CHAT, asked).json()

    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    results = called(answer)["results"]
    assert [(r["index"], r["category"], r["urgent"]) for r in results] == [
        (7, "order", False),
        (3, "booking", True),
    ]
    assert all(r["reason"].startswith("sandbox:") for r in results)
    assert answer["usage"]["total_tokens"] > answer["usage"]["completion_tokens"] > 0


def test_a_category_that_is_not_offered_becomes_other(sandbox):
    asked = batch({"index": 0, "text": "I want a refund of this invoice"})

    (result,) = called(sandbox.post(CHAT, asked).json())["results"]

    assert result["category"] == "other"


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Please cancel my subscription", "cancellation"),
        ("Könnten Sie mir sagen, wie viel das kostet?", "inquiry"),
        ("Ma commande est arrivée cassée, je suis déçue", "complaint"),
        ("Quiero una cita el lunes", "booking"),
        ("Jag har inte fått min faktura", "payment"),
        ("Vorrei sapere quando arriva il pacco, la consegna è in ritardo", "order"),
        ("Parabéns, ótimo serviço!", "feedback"),
        ("Proszę o anulowanie", "cancellation"),
        ("Click here now to unsubscribe from this newsletter", "newsletter"),
    ],
)
def test_messages_are_sorted_in_several_languages(sandbox, text, category):
    schema = {"properties": {"category": {"type": "string"}}}

    answer = sandbox.post(CHAT, single(text, schema)).json()

    assert called(answer) == {"category": category}


def test_confidence_differs_within_its_bounds(sandbox):
    messages = [{"index": n, "text": f"Order {n} " * (n % 3)} for n in range(60)]

    results = called(sandbox.post(CHAT, batch(*messages)).json())["results"]

    confidences = {result["confidence"] for result in results}
    assert len(confidences) > 10
    assert 0.55 <= min(confidences) < 0.7 <= max(confidences) <= 0.97


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"response_format": {"type": "json_object"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "triage", "schema": SCHEMA},
            }
        },
    ],
    ids=["nothing asked", "json_object", "json_schema"],
)
def test_without_tools_the_answer_is_json_in_content(sandbox, form):
    asked = batch({"index": 0, "text": "Where is my order?"})
    del asked["tools"], asked["tool_choice"]

    answer = sandbox.post(CHAT, {**asked, **form}).json()

    choice = answer["choices"][0]
    assert choice["finish_reason"] == "stop"
    (result,) = json.loads(choice["message"]["content"])["results"]
    assert result["category"] == "order"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"model": "m", "messages": [{"role": "user", "content": "Hallo"}]}),
        (
            DRAFTS,
            {
                "model": "m",
                "max_tokens": 99,
                "messages": [{"role": "user", "content": "Hallo"}],
            },
        ),
        (EMBEDDINGS, {"model": "m", "input": ["one", "two", "three"]}),
    ],
    ids=["gateway", "anthropic", "embeddings"],
)
def test_the_same_request_has_the_same_answer(serve, path, body):
    first, second = serve(), serve()

    assert first.post(path, body).text == second.post(path, body).text


@pytest.mark.parametrize(
    "body", [None, [], {}, {"model": "m"}, {"model": "m", "messages": []}]
)
def test_an_incomplete_chat_request_is_refused(sandbox, body):
    answer = sandbox.post(CHAT, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS, DRAFTS])
@pytest.mark.parametrize("key", ["", "Bearer sandbox-dead"], ids=["no key", "dead"])
def test_a_key_is_required(sandbox, path, key):
    sandbox.session.headers["Authorization"] = key

    assert sandbox.post(path, {}).status_code == 401


@pytest.mark.parametrize(
    ("text", "thanks"),
    [
        ("Where is my order? Please tell me.", "thank you for your message"),
        ("Wo ist meine Bestellung? Ich warte und warte", "vielen Dank"),
        ("Où est ma commande ? Je ne la trouve pas", "merci pour votre message"),
        ("¿Dónde está mi pedido? No lo encuentro, gracias", "gracias por su mensaje"),
        ("Var är min beställning? Jag har inte fått den", "tack för ditt meddelande"),
        ("Dov'è il mio ordine? Non è arrivato", "grazie per il Suo messaggio"),
        ("Onde está a minha encomenda? Não chegou", "obrigado pela sua mensagem"),
        ("Gdzie jest moje zamówienie? Nie mam go", "dziękujemy za wiadomość"),
    ],
    ids=["en", "de", "fr", "es", "sv", "it", "pt", "pl"],
)
def test_the_sdk_gets_a_marked_draft_in_the_language_of_the_message(
    client, text, thanks
):
    message = client.messages.create(
        model="some-model",
        max_tokens=500,
        system=[
            {
                "type": "text",
                "text": "You answer for the shop. " * 40,
                "cache_control": {"type": "ephemeral"},
            }
        ],
        messages=[{"role": "user", "content": text}],
    )

    reply = message.content[0].text
    assert reply.startswith("[sandbox draft]\n")
    assert thanks in reply
    assert text[:40] in reply
    assert message.model == "some-model"
    assert message.stop_reason == "end_turn"
    assert message.usage.cache_creation_input_tokens == 250
    assert message.usage.cache_read_input_tokens == 0


def test_a_draft_answers_the_last_message_of_a_json_prompt(client):
    conversation = {
        "instructions": "Please write the reply for the shop, and be kind to them.",
        "messages": [
            {"from": "customer", "text": "Wo ist meine Bestellung?"},
            {"from": "customer", "text": "Sie ist immer noch nicht da, wir warten"},
        ],
    }
    prompt = f"Reply to this:\n<<<\n{json.dumps(conversation)}\n>>>"

    message = client.messages.create(
        model="m", max_tokens=500, messages=[{"role": "user", "content": prompt}]
    )

    assert "vielen Dank für Ihre Nachricht: „Sie ist immer" in message.content[0].text


def test_a_draft_longer_than_max_tokens_is_cut(client):
    message = client.messages.create(
        model="m", max_tokens=10, messages=[{"role": "user", "content": "Hello"}]
    )

    assert message.stop_reason == "max_tokens"
    assert len(message.content[0].text) == 40


def test_a_draft_can_be_asked_for_in_a_schema(client):
    schema = {
        "type": "object",
        "properties": {"reply": {"type": "string"}, "sure": {"type": "boolean"}},
        "required": ["reply", "sure"],
        "additionalProperties": False,
    }

    message = client.messages.create(
        model="m",
        max_tokens=500,
        messages=[{"role": "user", "content": "Hello"}],
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )

    answer = json.loads(message.content[0].text)
    assert answer["reply"].startswith("[sandbox draft]")
    assert answer["sure"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "m", "max_tokens": 10},
        {"model": "m", "messages": [{"role": "user", "content": "x"}]},
        {
            "model": "m",
            "max_tokens": 10,
            "messages": [{"role": "assistant", "content": "x"}],
        },
        {"model": "m", "max_tokens": 10, "messages": ["x"]},
        {
            "model": "m",
            "max_tokens": -1,
            "messages": [{"role": "user", "content": "x"}],
        },
    ],
    ids=["empty", "no messages", "no limit", "prefill", "not a message", "negative"],
)
def test_an_incomplete_draft_request_is_refused(sandbox, body):
    answer = sandbox.post(DRAFTS, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["request_id"] == answer.headers["request-id"]


def test_both_anthropic_credentials_are_accepted(sandbox):
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
    }
    assert sandbox.post(DRAFTS, body).status_code == 200

    sandbox.session.headers.update({"Authorization": "", "x-api-key": "some-key"})

    assert sandbox.post(DRAFTS, body).status_code == 200


def test_the_sdk_reads_a_scripted_spend_limit(sandbox, client):
    error = {
        "type": "rate_limit_error",
        "message": "spent",
        "details": {"error_code": "enforced_spend_limit_reached"},
    }
    fault = {
        "provider": "anthropic",
        "status": 429,
        "body": {"type": "error", "error": error},
    }
    sandbox.control("faults", fault)

    with pytest.raises(anthropic.EnforcedSpendLimitReachedError):
        client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )


def test_embeddings_are_normalised_and_told_apart_by_their_index(sandbox):
    texts = ["a red bicycle", "the red bicycle", "tax return", *"abcdefgh"]

    answer = sandbox.post(EMBEDDINGS, {"model": "m", "input": texts}).json()

    order = [entry["index"] for entry in answer["data"]]
    assert order != sorted(order) == list(range(len(texts)))
    vectors = {entry["index"]: entry["embedding"] for entry in answer["data"]}
    assert {len(vector) for vector in vectors.values()} == {1536}
    assert all(math.isclose(dot(v, v), 1, abs_tol=1e-4) for v in vectors.values())
    assert dot(vectors[0], vectors[1]) > 0.5 > abs(dot(vectors[0], vectors[2]))
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"model": "text-embedding-3-large"}, 3072),
        ({"model": "text-embedding-3-small", "dimensions": 8}, 8),
    ],
)
def test_dimensions_follow_the_model_and_can_be_fewer(sandbox, asked, size):
    answer = sandbox.post(EMBEDDINGS, {**asked, "input": "a red bicycle"}).json()

    (entry,) = answer["data"]
    assert len(entry["embedding"]) == size
    assert math.isclose(dot(entry["embedding"], entry["embedding"]), 1, abs_tol=1e-4)


def test_base64_holds_the_same_vector(sandbox):
    asked = {"model": "m", "input": "a red bicycle"}
    (plain,) = sandbox.post(EMBEDDINGS, asked).json()["data"]

    asked["encoding_format"] = "base64"
    (packed,) = sandbox.post(EMBEDDINGS, asked).json()["data"]

    vector = struct.unpack("<1536f", base64.b64decode(packed["embedding"]))
    assert vector == pytest.approx(plain["embedding"], abs=1e-6)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ([], 400),
        ("", 400),
        (["good", ""], 400),
        (["good", None], 400),
        (["x"] * 2048, 200),
        (["x"] * 2049, 400),
        ("x" * 4 * 8192, 200),
        ("x" * (4 * 8192 + 1), 400),
        (["x" * 4000] * 300, 200),
        (["x" * 4000] * 300 + ["x"], 400),
    ],
    ids=[
        "no inputs",
        "empty input",
        "one empty input",
        "no text",
        "most inputs",
        "too many inputs",
        "longest input",
        "too long input",
        "most tokens",
        "too many tokens",
    ],
)
def test_embeddings_have_the_limits_of_the_real_ones(sandbox, given, status):
    # Few dimensions: this is not about the vectors.
    asked = {"model": "m", "input": given, "dimensions": 2}

    assert sandbox.post(EMBEDDINGS, asked).status_code == status


def batch(*messages):
    """A classification request as the product writes it."""
    return single(
        f"<<<\n{json.dumps({'messages': messages}, ensure_ascii=False)}\n>>>", SCHEMA
    )


def single(text, schema):
    function = {"name": "classify_messages", "parameters": schema}
    return {
        "model": "google/gemini-2.5-flash",
        "messages": [
            {"role": "system", "content": "Sort the {messages}."},
            {"role": "user", "content": text},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": function["name"]}},
    }


def called(answer):
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "classify_messages"
    return json.loads(call["function"]["arguments"])


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.fixture
def client(sandbox):
    """The real SDK, pointed at the sandbox."""
    with anthropic.Anthropic(
        api_key="sandbox-key",
        base_url=f"{sandbox.url}/anthropic",
        timeout=10,
        max_retries=0,
    ) as client:
        yield client


CATALOGUE = {
    "products": [
        {"sku": "MUG-B", "name": "Blue mug", "price": "12.50 EUR"},
        {"sku": "PL-1", "name": "Plate", "price": "8.00 EUR"},
    ]
}


@pytest.mark.parametrize(
    ("said", "items"),
    [
        ("I take two of the blue mugs, please.", [("MUG-B", 2)]),
        ("I'd like to order 3 Blue mugs and one plate", [("MUG-B", 3), ("PL-1", 1)]),
        ("Ich nehme zwei Blue mug!", [("MUG-B", 2)]),
        ("Je prends le Blue mug.", [("MUG-B", 1)]),
    ],
)
def test_who_buys_a_product_of_the_catalogue_places_an_order(sandbox, said, items):
    answer = sandbox.post(DRAFTS, buying(said)).json()

    assert answer["stop_reason"] == "tool_use"
    [call] = answer["content"]
    assert (call["type"], call["name"]) == ("tool_use", "create_order")
    found = [(one["sku"], one["quantity"]) for one in call["input"]["items"]]
    assert found == items
    assert call["input"]["confirmed_with"] in said
    assert sandbox.post(DRAFTS, buying(said)).json() == answer


@pytest.mark.parametrize(
    "said",
    [
        "How much are the blue mugs?",
        "I take two of the red mugs",
        "I'll take two blue mugs if they are large, are they?",
        "Where is my blue mug?",
    ],
)
def test_who_buys_nothing_of_the_catalogue_places_none(sandbox, said):
    answer = sandbox.post(DRAFTS, buying(said)).json()

    assert answer["stop_reason"] == "end_turn"


def test_who_asks_for_a_product_is_told_its_price(sandbox):
    answer = sandbox.post(DRAFTS, buying("Do you have the blue mugs?")).json()

    text = answer["content"][0]["text"]
    assert "Blue mug: 12.50 EUR. We will" in text
    assert "Plate" not in text


@pytest.mark.parametrize(("is_error", "tells"), [(False, True), (True, False)])
def test_the_reply_says_what_was_noted(sandbox, is_error, tells):
    asked = buying("I take two of the blue mugs, please.")
    [call] = sandbox.post(DRAFTS, asked).json()["content"]
    result = {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "content": "{}",
        "is_error": is_error,
    }
    asked["messages"] += [
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]

    answer = sandbox.post(DRAFTS, asked | {"tool_choice": {"type": "none"}}).json()

    assert answer["stop_reason"] == "end_turn"
    text = answer["content"][0]["text"]
    assert text.startswith("[sandbox draft]\nHello,")
    assert ("2 × Blue mug" in text) is tells


def buying(said):
    return {
        "model": "m",
        "max_tokens": 500,
        "system": f"You sell.\n{json.dumps(CATALOGUE)}",
        "tools": [{"name": "create_order", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": json.dumps({"text": said})}],
    }
