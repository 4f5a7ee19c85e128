"""Delivery events as Amazon SES mails them through SNS: JSON as the text of a mail."""

import json
from typing import Any

_MAX_JSON = 300_000
_DECODER = json.JSONDecoder(strict=False)
#: The kinds of event that tell of a delivery, and where their recipients stand.
_RECIPIENTS = {
    "Bounce": ("bounce", "bouncedRecipients"),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients"),
    "Delivery": ("delivery", "recipients"),
}
_ACTIONS = {"Bounce": "failed", "DeliveryDelay": "delayed", "Delivery": "delivered"}
_CLASSES = {"Permanent": "5.0.0", "Transient": "4.0.0"}


def read_event(text: str) -> dict[str, Any] | None:
    """Return the event as facts named like those of a delivery status, or None."""
    event = _object(text[:_MAX_JSON].lstrip())
    if "Message" in event:
        event = _object(event["Message"])
    kind = event.get("notificationType") or event.get("eventType")
    mail = event.get("mail")
    if not isinstance(kind, str) or kind not in _RECIPIENTS:
        return None
    if not isinstance(mail, dict):
        return None
    name, listed = _RECIPIENTS[kind]
    told = event.get(name)
    told = told if isinstance(told, dict) else {}
    headers = mail.get("commonHeaders")
    headers = headers if isinstance(headers, dict) else {}
    recipients = told.get(listed)
    return {
        "delivery_status": [
            _recipient(each, kind, told)
            for each in (recipients if isinstance(recipients, list) else [])[:100]
        ],
        "original_message_id": headers.get("messageId") or mail.get("messageId"),
        "original_subject": headers.get("subject"),
        "reporting_mta": str(told.get("reportingMTA") or "").partition(";")[2].strip(),
    }


def _object(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or not text.startswith("{"):
        return {}
    try:
        # Long lines are broken on the way. Below it SNS tells how to unsubscribe.
        found, _ = _DECODER.raw_decode(text.replace("\n ", ""))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _recipient(each: Any, kind: str, told: dict[str, Any]) -> dict[str, str]:
    known = each if isinstance(each, dict) else {"emailAddress": each}
    status = known.get("status") or _CLASSES.get(str(told.get("bounceType")), "")
    diagnostic = str(known.get("diagnosticCode") or "")
    return {
        "final_recipient": str(known.get("emailAddress") or ""),
        "action": str(known.get("action") or _ACTIONS[kind]),
        "status": str(status),
        "diagnostic": diagnostic.removeprefix("smtp;").strip(),
    }
