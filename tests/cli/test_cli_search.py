"""`search`."""

from app.jobs.contracts import Embed
from app.services.knowledge.embed import embed
from app.services.pipeline.materialize import materialize
from tests.factories import message

MUGS = "Could you deliver the two blue mugs to the back door on Friday, please?"


def test_what_was_said_is_found(bizzybee, runtime, make, config, workspace):
    event_ids = make.events(config, message(body_text=MUGS, subject="Delivery"))
    materialize(runtime, make.materialize_job(config, event_ids))
    embed(runtime, Embed(workspace_id=workspace.id))

    found = bizzybee("search", "-w", workspace.name, "blue", "mugs", "--json").json
    shown = bizzybee("search", "-w", workspace.name, "blue mugs")
    unknown = bizzybee("search", "-w", workspace.name, "saddlebag")
    nothing = bizzybee("search", "-w", workspace.name, "?")

    (hit,) = found["items"]
    assert (hit["text"], hit["subject"]) == (MUGS, "Delivery")
    assert found["model"] == "lexical/1"
    assert "Anna Berg" in shown.out
    assert "deliver the two blue mugs" in shown.out
    assert (shown.code, unknown.code, nothing.code) == (0, 0, 1)
    assert "saddlebag" not in unknown.out
