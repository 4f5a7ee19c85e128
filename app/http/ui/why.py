"""The explanation of a message, told in sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.decision import SURE_ENOUGH, Decision, JudgedBy
from app.domain.status import DraftStatus, EventStatus, OutboundState
from app.http.ui import words
from app.http.ui.texts import exact, reason

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One part of the story. Times in a sentence are exact, for this is where people check."""

    title: str
    sentences: list[str]


def told(explained: Record) -> list[Step]:
    """The steps of a message from its arrival on, in order."""
    steps = [
        Step(
            "How it arrived",
            [
                *_arrival(explained["arrival"], explained["receipts"][0]),
                *_again(explained["receipts"][1:]),
            ],
        )
    ]
    if place := explained["place"]:
        steps.append(Step("Where it belongs", list(_place(place))))
    steps.append(Step("What was decided", list(_judgement(explained["judgement"]))))
    steps.append(Step("Where it stands", list(_state(explained))))
    answered = [*_draft(explained["draft"]), *_answers(explained["answers"])]
    if answered:
        steps.append(Step("What was answered", answered))
    return steps


def _arrival(arrival: Record, first: Record) -> Iterator[str]:
    channel = words.CHANNELS.get(arrival["channel"], arrival["channel"].capitalize())
    way = words.SOURCES[first["source"]]
    yield f"It came by {channel}, {way}, and was received on {exact(arrival['received_at'])}."
    if claimed := arrival["claimed_sent_at"]:
        yield f"Its sender says that it was sent on {exact(datetime.fromisoformat(claimed))}."
    else:
        yield "It does not say when it was sent."
    if arrival["id_collision"]:
        yield "Another message of this account carries the same id; both are kept."


def _again(receipts: list[Record]) -> Iterator[str]:
    for receipt in receipts:
        times = "once" if receipt["count"] == 1 else f"{receipt['count']} times"
        way = words.SOURCES[receipt["source"]]
        yield f"It came again {way}, {times}, and was not kept twice."


def _place(place: Record) -> Iterator[str]:
    evidence = place["thread_evidence"]
    yield words.PLACES.get(evidence, f"What led it here: {words.in_words(evidence)}.")
    if number := sum(join["messages"] for join in place["joins"]):
        yield f"Later mail showed that {number} more messages belong to this conversation."
    if place["related"]:
        yield (
            "Other conversations refer to the same messages; their people take no part in "
            "this one, so they stay apart."
        )
    if place["delivery_status"] == "failed":
        yield f"It did not arrive: {place['delivery_reason'] or 'the server gave no reason'}."
    elif place["delivery_status"] == "delayed":
        yield "A mail server reported that it is late."
    if place["is_old"]:
        yield "It is older than the connection of this account, so it is never answered automatically."


def _judgement(judgement: Record | None) -> Iterator[str]:
    if judgement is None:
        yield "Nothing has been decided about it."
        return
    judge = judgement.get("judged_by")
    decision = words.DECISIONS.get(judgement["decision"], judgement["decision"])
    yield (
        f"Decision: {decision}. It is about: {words.in_words(judgement['category'])}, "
        f"{judgement['confidence']:.0%} sure."
    )
    yield words.JUDGED.get(str(judge), f"Judged by: {words.in_words(judge)}.")
    yield f"The reason given: {str(judgement['reason']).rstrip('.')}."
    if judgement.get("urgent"):
        yield "It seemed urgent."
    if (
        judgement["decision"] == Decision.NEEDS_HUMAN
        and judge != JudgedBy.RULE
        and judgement["confidence"] < SURE_ENOUGH
    ):
        yield f"Below {SURE_ENOUGH:.0%} it counts as a guess, and a person decides."


def _state(explained: Record) -> Iterator[str]:
    state = explained["state"]
    yield words.STATES.get(state["status"], words.in_words(state["status"]))
    if state["status"] == EventStatus.DECIDED and not state["finished_at"]:
        yield "Its reply is still to be drafted."
    if noted := state["reason"]:
        yield words.REASONS.get(noted, f"Noted: {words.in_words(noted)}.")
    if state["next_attempt_at"] and not state["finished_at"]:
        at = exact(state["next_attempt_at"])
        is_again = state["attempts"] or state["last_error"]
        yield (
            f"It is tried again on {at}."
            if is_again
            else f"It waits until {at}, in case its writer goes on."
        )
    if state["last_error"]:
        yield f"The last try ended with: {state['last_error'].rstrip('.')}."


def _draft(draft: Record | None) -> Iterator[str]:
    if draft is None:
        return
    yield (
        f"A reply was drafted by {draft['model']} on {exact(draft['created_at'])}, "
        f"with the instructions {draft['prompt_version']}."
    )
    if draft["edited_by"] and draft["edited_at"]:
        yield f"A person changed it on {exact(draft['edited_at'])}."
    if draft["order_id"]:
        yield "It tells the customer of an order that was taken."
    if refused := draft["order_refusal"]:
        yield f"The assistant wanted to take an order and was not let: {_end(refused)}"
    if refusals := (draft["auto_reply"] or {}).get("refused"):
        yield f"It was not sent by itself, because {words.refusals(refusals)}."
    if draft["status"] == DraftStatus.STALE:
        yield "What it answers was overtaken since, so the draft is no longer offered."


def _answers(answers: list[Record]) -> Iterator[str]:
    for one in answers:
        has_ended = one["finished_at"] and one["state"] != OutboundState.UNCERTAIN
        when = f" on {exact(one['finished_at'])}" if has_ended else ""
        yield f"{words.ORIGINS[one['origin']]} ({one['actor']}). {words.ENDS[one['state']]}{when}."
        if one["first_tried_at"] and not has_ended:
            yield f"It was first tried on {exact(one['first_tried_at'])}."
        if one["rule"] or (one["last_error"] and one["state"] != OutboundState.SENT):
            yield f"The reason: {_end(one)}"


def _end(told: Record) -> str:
    """The reason of a refusal, with the rule by which a technician finds it."""
    why = reason(told.get("reason") or told.get("last_error")) or "none given"
    rule = f" ({told['rule']})" if told.get("rule") else ""
    return f"{why}{rule}."
