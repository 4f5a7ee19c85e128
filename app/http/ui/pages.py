"""The routes of the pages. What they answer, errors too, is HTML under a policy of its own."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import TooManyRequests

from app.domain.attention import Attention
from app.domain.faults import faults_of
from app.domain.html_safe import BLOCKED, safe_html
from app.domain.ids import new_id
from app.domain.status import Scope
from app.errors import AccessDenied, Conflict, InvalidInput, NotFound
from app.http import cursors
from app.http.auth import holder_of, needs, public
from app.http.context import caller, runtime, workspace_id
from app.http.files import file_answer
from app.http.schemas import ConversationChange
from app.http.ui import session, texts, words
from app.http.ui.attempts import Attempts
from app.http.ui.why import told
from app.services import inbox
from app.services.attachments import open_attachment
from app.services.operations.explain import explain_event
from app.services.operations.overview import overview
from app.services.outbound.auto_reply import switch
from app.services.outbound.drafts import approve_draft, edit_draft
from app.services.outbound.enqueue import MAX_TEXT
from app.services.outbound.messages import (
    Wanted,
    get_outbound,
    send_message,
    settle,
)

CONVERSATIONS_PER_PAGE = 25
MESSAGES_PER_PAGE = 50

_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Told nothing at all, browsers hide from us too where our forms come from.
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie",
}
#: For the frame in which a mail is shown. It has our origin, or its pictures would not get the
#: session's cookie; without scripts and forms it can do nothing with that.
_MAIL_SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_MAIL_POLICY = (
    f"sandbox {_MAIL_SANDBOX}; default-src 'none'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:{remote}; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
#: What one may come back to after signing in: a page of ours, never another host.
_OUR_PAGE = re.compile(r"/(?:inbox/|operations)[A-Za-z0-9_/?=&-]*")
_FILTERS = (
    "ago",
    "duration",
    "exact",
    "hour",
    "language",
    "plain",
    "reason",
    "shown",
    "size",
)
_ATTEMPTS = "bizzybee.sign_in_attempts"

ui = Blueprint(
    "ui",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/inbox/static",
)


@ui.get("/inbox")
@public
def sign_in() -> ResponseReturnValue:
    """Ask for a key, unless one is known already."""
    try:
        viewer = session.viewer()
    except AccessDenied:
        return _sign_in_page()
    home = "ui.conversations" if viewer.may(Scope.READ) else "ui.operations"
    return redirect(url_for(home), 303)


@ui.post("/inbox")
@public
def begin_session() -> ResponseReturnValue:
    """Sign in with a key that opens any of the pages."""
    session.require_own_page()
    attempts: Attempts = current_app.extensions[_ATTEMPTS]
    who = request.remote_addr or ""
    if wait := attempts.wait(who):
        raise TooManyRequests(retry_after=wait)
    key = request.form.get("key", "").strip()
    try:
        holder = holder_of(key, (Scope.READ, Scope.OPS))
    except AccessDenied as denied:
        attempts.failed(who)
        return _sign_in_page("scope" if denied.known else "key"), 403
    back = request.form.get("next", "")
    page = back if _OUR_PAGE.fullmatch(back) else url_for("ui.sign_in")
    return session.begin(redirect(page, 303), key, holder)


@ui.post("/inbox/sign-out")
@needs(Scope.READ, Scope.OPS, by_session=True)
def end_session() -> ResponseReturnValue:
    """Sign out."""
    return session.end(redirect(url_for("ui.sign_in"), 303))


@ui.get("/inbox/")
@needs(Scope.READ, by_session=True)
def conversations() -> ResponseReturnValue:
    """Conversations, the newest first, by what they ask for."""
    chosen = _attention()
    found = inbox.inbox_page(
        runtime(),
        workspace_id(),
        # One row more than is shown tells whether there is another page.
        limit=CONVERSATIONS_PER_PAGE + 1,
        attention=chosen,
        before=_before(),
    )
    rows = found.rows[:CONVERSATIONS_PER_PAGE]
    older = None
    if len(found.rows) > len(rows):
        last = rows[-1].conversation
        assert last.last_message_at is not None
        older = cursors.encode(last.last_message_at, last.id)
    counts = {**found.counts, None: sum(found.counts.values())}
    return render_template(
        "ui/conversations.html", rows=rows, counts=counts, chosen=chosen, older=older
    )


@ui.get("/inbox/<uuid:conversation_id>")
@needs(Scope.READ, by_session=True)
def conversation(conversation_id: UUID) -> ResponseReturnValue:
    """One conversation: who, what was decided, the messages, the draft."""
    return _conversation_page(conversation_id)


def _conversation_page(
    conversation_id: UUID, *, refusal: str | None = None, written: str | None = None
) -> str:
    """A conversation; what somebody wrote stays in the form where it could not be taken."""
    thread = inbox.read_thread(
        runtime(),
        workspace_id(),
        conversation_id,
        limit=MESSAGES_PER_PAGE + 1,
        before=_before(),
    )
    messages = thread.messages[:MESSAGES_PER_PAGE]
    earlier = None
    if len(thread.messages) > len(messages):
        earlier = cursors.encode(messages[-1].occurred_at, messages[-1].id)
    return render_template(
        "ui/conversation.html",
        chosen=_attention(),
        thread=thread,
        row=thread.row,
        conversation=thread.row.conversation,
        messages=messages[::-1],
        earlier=earlier,
        answer_key=new_id(),
        refusal=refusal,
        written=written,
    )


@ui.post("/inbox/<uuid:conversation_id>")
@needs(Scope.SEND, by_session=True)
def change_conversation(conversation_id: UUID) -> ResponseReturnValue:
    """Switch the AI on or off for a conversation, or open or close it."""
    fields = request.form.to_dict()
    fields.pop(session.TOKEN_FIELD)
    try:
        change = ConversationChange.model_validate(fields)
    except ValidationError as exc:
        raise InvalidInput("the form is not valid", faults_of(exc)) from exc
    inbox.change_conversation(
        runtime(),
        workspace_id(),
        conversation_id,
        ai_enabled=change.ai_enabled,
        status=change.status,
        actor=caller().actor,
    )
    return redirect(_page_of(conversation_id), 303)


@ui.post("/inbox/<uuid:conversation_id>/answer")
@needs(Scope.SEND, by_session=True)
def send_answer(conversation_id: UUID) -> ResponseReturnValue:
    """Send an answer or a draft, or keep what was made of a draft."""
    form = _answer_form()
    try:
        _take_answer(conversation_id, form)
    except (Conflict, InvalidInput) as error:
        is_clash = isinstance(error, Conflict)
        status = HTTPStatus.CONFLICT if is_clash else HTTPStatus.BAD_REQUEST
        page = _conversation_page(
            conversation_id, refusal=str(error), written=form.text
        )
        return page, status
    return redirect(_page_of(conversation_id), 303)


def _take_answer(conversation_id: UUID, form: "_Answer") -> None:
    if form.draft_id is None:
        wanted = Wanted(text=form.text, conversation_id=conversation_id)
        send_message(
            runtime(),
            workspace_id(),
            wanted,
            # A form that is sent twice is one answer.
            key=f"inbox:{form.key}" if form.key else None,
            actor=caller().actor,
        )
    elif form.do == "keep":
        edit_draft(
            runtime(),
            workspace_id(),
            conversation_id,
            body=form.text,
            draft_id=form.draft_id,
            actor=caller().actor,
        )
    else:
        approve_draft(
            runtime(),
            workspace_id(),
            conversation_id,
            draft_id=form.draft_id,
            body=form.text,
            actor=caller().actor,
        )


@ui.post("/inbox/<uuid:conversation_id>/outbound/<uuid:outbound_id>")
@needs(Scope.SEND, by_session=True)
def settle_message(conversation_id: UUID, outbound_id: UUID) -> ResponseReturnValue:
    """Take a person's word on a message whose outcome nobody knew."""
    was_sent = {"yes": True, "no": False}.get(request.form.get("was_sent", ""))
    if was_sent is None:
        raise InvalidInput("say whether it arrived")
    found = get_outbound(runtime(), workspace_id(), outbound_id)
    if found.conversation_id != conversation_id:
        raise NotFound("no such message in this conversation")
    settle(runtime(), outbound_id, was_sent=was_sent, actor=caller().actor)
    return redirect(_page_of(conversation_id), 303)


@ui.post("/inbox/auto-reply")
@needs(Scope.OPS, Scope.SEND, by_session=True)
def switch_auto_reply() -> ResponseReturnValue:
    """Allow or forbid automatic replies in the workspace."""
    allowed = {"on": True, "off": False}.get(request.form.get("auto_reply", ""))
    if allowed is None:
        raise InvalidInput("say whether automatic replies are to be on or off")
    switch(runtime(), workspace_id(), allowed=allowed, actor=caller().actor)
    back = request.form.get("next", "")
    page = back if _OUR_PAGE.fullmatch(back) else url_for("ui.sign_in")
    return redirect(page, 303)


@ui.get("/inbox/<uuid:conversation_id>/why")
@needs(Scope.READ, by_session=True)
def why(conversation_id: UUID) -> ResponseReturnValue:
    """Why the newest inbound message was treated as it was."""
    found = inbox.get_conversation(runtime(), workspace_id(), conversation_id)
    event_id = inbox.newest_inbound_event(runtime(), workspace_id(), conversation_id)
    explained = None
    if event_id is not None:
        explained = explain_event(runtime(), event_id, workspace_id=workspace_id())
    return render_template(
        "ui/why.html",
        chosen=_attention(),
        conversation=found.conversation,
        explained=explained,
        steps=told(explained) if explained else [],
    )


@ui.get("/inbox/messages/<uuid:message_id>/mail")
@needs(Scope.READ, by_session=True)
def mail(message_id: UUID) -> ResponseReturnValue:
    """The HTML of a message, made safe, for the frame in which it is shown."""
    message = inbox.get_message(runtime(), workspace_id(), message_id)
    if not message.body_html:
        raise NotFound("the message has no HTML")
    show_remote = request.args.get("images") == "1"
    pictures = {file.content_id: file.id for file in message.files if file.content_id}

    def url_of(content_id: str) -> str | None:
        if content_id not in pictures:
            return None
        return url_for(
            "ui.attachment",
            message_id=message_id,
            attachment_id=pictures[content_id],
        )

    html = safe_html(message.body_html, resolve_cid=url_of, show_remote=show_remote)
    page = render_template(
        "ui/mail.html",
        html=html,
        message_id=message_id,
        show_remote=show_remote,
        blocked=BLOCKED in html,
    )
    response = current_app.make_response(page)
    response.headers["Content-Security-Policy"] = _MAIL_POLICY.format(
        remote=" https: http:" if show_remote else ""
    )
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@ui.get("/inbox/messages/<uuid:message_id>/attachments/<uuid:attachment_id>")
@needs(Scope.READ, by_session=True)
def attachment(message_id: UUID, attachment_id: UUID) -> ResponseReturnValue:
    """A file of a message."""
    return file_answer(
        open_attachment(runtime(), workspace_id(), message_id, attachment_id)
    )


@ui.get("/inbox/<path:anything>")
@needs(Scope.READ, Scope.OPS, by_session=True)
def nothing(anything: str) -> ResponseReturnValue:
    """Answer with a page, not with JSON, what is no page."""
    raise NotFound("no such page")


@ui.get("/operations")
@needs(Scope.OPS, by_session=True)
def operations() -> ResponseReturnValue:
    """How the pipeline of the workspace is doing."""
    found = overview(runtime(), workspace_id())
    queues = sorted(found.queues, key=lambda row: words.place_of_queue(row["queue"]))
    return render_template("ui/operations.html", found=found, queues=queues)


@ui.record
def _prepare(state: BlueprintSetupState) -> None:
    state.app.extensions[_ATTEMPTS] = Attempts()
    environment = state.app.jinja_env
    environment.trim_blocks = environment.lstrip_blocks = True
    for name in _FILTERS:
        environment.filters[name] = getattr(texts, name)
    environment.globals["words"] = words
    environment.globals["mail_sandbox"] = _MAIL_SANDBOX
    environment.globals["most_text"] = MAX_TEXT
    environment.globals["token_field"] = session.TOKEN_FIELD


@ui.context_processor
def _viewer() -> dict[str, object]:
    return {
        "viewer": g.get("viewer"),
        "auto_reply_everywhere": runtime().settings.auto_replies,
    }


@ui.after_request
def _as_page(response: Response) -> Response:
    if response.status_code == 401:
        page = request.full_path.rstrip("?") if request.method == "GET" else None
        response = current_app.make_response(
            session.end(redirect(url_for("ui.sign_in", next=page), 303))
        )
    elif response.mimetype == "application/problem+json":
        _dress(response)
    if response.mimetype == "text/html":
        for name, value in _POLICY.items():
            response.headers.setdefault(name, value)
    return response


def _dress(response: Response) -> None:
    """Turn a problem into a page that says the same."""
    problem = response.get_json()
    status = response.status_code
    heading, advice = words.PROBLEMS.get(
        status, words.PROBLEMS[500 if status >= 500 else 400]
    )
    page = render_template(
        "ui/problem.html", heading=heading, advice=advice, problem=problem
    )
    response.set_data(page)
    response.content_type = "text/html; charset=utf-8"
    # It asks for a header that no browser sends.
    response.headers.pop("WWW-Authenticate", None)


def _sign_in_page(refused: str | None = None) -> str:
    return render_template(
        "ui/sign_in.html", refused=refused, back=request.values.get("next", "")
    )


def _page_of(conversation_id: UUID) -> str:
    return url_for("ui.conversation", conversation_id=conversation_id, tab=_attention())


class _Answer(BaseModel):
    """The form under a conversation."""

    text: str = Field(min_length=1, max_length=MAX_TEXT)
    draft_id: UUID | None = None
    key: UUID | None = None
    do: Literal["send", "keep"] = "send"


def _answer_form() -> _Answer:
    # Browsers send the ends of lines as the network writes them.
    fields = {name: value.replace("\r\n", "\n") for name, value in request.form.items()}
    fields.pop(session.TOKEN_FIELD)
    try:
        return _Answer.model_validate(fields)
    except ValidationError as exc:
        raise InvalidInput("the form is not valid", faults_of(exc)) from exc


def _attention() -> Attention | None:
    tab = request.args.get("tab")
    try:
        return Attention(tab) if tab else None
    except ValueError:
        raise InvalidInput("there is no such tab") from None


def _before() -> tuple[datetime, UUID] | None:
    cursor = request.args.get("cursor")
    return cursors.decode(cursor) if cursor else None
