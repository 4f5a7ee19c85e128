"""Who gets to see the pages, and who gets to change something through them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.domain.status import Scope
from app.http.ui import attempts
from app.http.ui.attempts import Attempts
from app.services.accounts import revoke_key
from tests.factories import message
from tests.http.browser import OWN, Browser, get_with_cookie, parsed, text_of, texts
from tests.http.client import changed, client_of, rows

SOME_ID = "019a9f00-0000-7000-8000-000000000000"
#: Pages that somebody must be signed in for, and the scopes of which one opens each.
PAGES = [
    ("/inbox/", {Scope.READ}),
    (f"/inbox/{SOME_ID}", {Scope.READ}),
    (f"/inbox/{SOME_ID}/why", {Scope.READ}),
    ("/operations", {Scope.OPS}),
]


def test_a_key_opens_the_inbox(browser, make, workspace):
    response = browser.sign_in(f"  {make.key(workspace, Scope.READ)}\n")

    assert response.status_code == 303
    assert response.location == "/inbox"
    followed = browser.get("/inbox", follow_redirects=True)
    assert followed.request.path == "/inbox/"
    assert followed.status_code == 200
    assert workspace.name in followed.text


def test_the_cookie_stays_out_of_reach_of_scripts_and_other_sites(
    browser, make, workspace
):
    key = make.key(workspace, Scope.READ)

    response = browser.sign_in(key)

    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("bizzybee=")
    flags = set(cookie.split("; ")[1:])
    assert flags >= {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"}
    assert "Secure" not in flags
    assert key.split("_")[1] not in cookie


@pytest.mark.parametrize(
    ("public_url", "base_url"),
    [
        ("https://bees.example", "http://localhost"),
        ("http://bees.example", "https://localhost"),
    ],
    ids=["by its public address", "by the request"],
)
def test_behind_https_the_cookie_is_for_https_and_this_host_only(
    runtime, make, workspace, public_url, base_url
):
    settings = changed(runtime.settings, public_url=public_url)
    client = client_of(replace(runtime, settings=settings))

    response = client.post(
        "/inbox",
        data={"key": make.key(workspace, Scope.READ)},
        headers=OWN,
        base_url=base_url,
    )

    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-bizzybee=")
    assert {"Secure", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "key", ["", "bb_", "nonsense", "bb_000000000000_nobody", "bb_\x00_x", "bb_é_x"]
)
def test_what_is_no_key_opens_nothing(browser, key):
    response = browser.sign_in(key)

    assert response.status_code == 403
    assert "This key is not valid" in text_of(response)
    assert parsed(response).xpath("//input[@id='key'][@aria-invalid='true']")
    assert browser.cookie == ""


def test_a_key_that_opens_no_page_is_told_why(browser, make, workspace):
    response = browser.sign_in(make.key(workspace, Scope.INGEST, Scope.SEND))

    assert response.status_code == 403
    assert "it needs the scope read" in text_of(response)
    assert browser.cookie == ""


@pytest.mark.parametrize(("path", "_scopes"), PAGES)
def test_who_is_signed_out_is_sent_to_sign_in(browser, path, _scopes):
    response = browser.get(path)

    assert response.status_code == 303
    assert response.location == f"/inbox?next={path}"


@pytest.mark.parametrize("path", [f"/inbox/{SOME_ID}", "/inbox/sign-out"])
def test_a_form_of_who_is_signed_out_leads_to_sign_in_too(browser, path):
    response = browser.client.post(path, data={"status": "closed"}, headers=OWN)

    assert response.status_code == 303
    assert response.location == "/inbox"


@pytest.mark.parametrize("path", ["/inbox/?tab=act_now", "/operations"])
def test_after_signing_in_one_is_where_one_wanted_to_be(browser, make, workspace, path):
    page = browser.get(path, follow_redirects=True)
    wanted = parsed(page).xpath("string(//input[@name='next']/@value)")

    response = browser.sign_in(make.key(workspace), next=wanted)

    assert response.location == path


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/inbox/",
        "//evil.example",
        "/\\evil.example",
        "/inbox/\\evil",
        "/docs",
        "javascript:alert(1)",
        "/inbox/\r\nX-Evil: 1",
        "/inbox/@evil.example",
    ],
)
def test_signing_in_leads_to_no_page_but_ours(browser, make, workspace, back):
    response = browser.sign_in(make.key(workspace), next=back)

    assert response.status_code == 303
    assert response.location == "/inbox"


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(("path", "scopes"), PAGES)
def test_a_page_opens_to_a_key_with_its_scope_only(signed_in, path, scopes, scope):
    # One more scope, so that somebody can sign in with it.
    other = Scope.OPS if Scope.READ in scopes else Scope.READ

    response = signed_in(scope, other).get(path)

    if scope in scopes:
        assert response.status_code in {200, 404}
    else:
        assert response.status_code == 403
        assert response.content_type == "text/html; charset=utf-8"
        assert "Not allowed" in text_of(response)
        assert "WWW-Authenticate" not in response.headers


def test_a_key_for_operations_alone_leads_there(signed_in):
    browser = signed_in(Scope.OPS)

    response = browser.get("/inbox", follow_redirects=True)

    assert response.request.path == "/operations"
    assert texts(response, "//nav[@aria-label='Pages']/a") == ["Operations"]


def test_a_revoked_key_signs_out(browser, runtime, make, workspace):
    key = make.key(workspace)
    browser.sign_in(key)
    assert browser.get("/inbox/").status_code == 200

    revoke_key(runtime, key.split("_")[1])

    response = browser.get("/inbox/")
    assert response.status_code == 303
    assert response.location == "/inbox?next=/inbox/"
    assert browser.cookie == ""
    assert browser.get("/inbox").status_code == 200


def test_a_session_ends_after_twelve_hours(client, signed_in):
    cookie = signed_in().cookie
    now = datetime.now(UTC)

    def status_after(age):
        with time_machine.travel(now + age):
            return get_with_cookie(client, "/inbox/", cookie).status_code

    assert status_after(timedelta(hours=12, minutes=-1)) == 200
    assert status_after(timedelta(hours=12, minutes=1)) == 303


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda cookie: cookie, 200),
        (lambda cookie: "", 303),
        (lambda cookie: "x", 303),
        (lambda cookie: cookie[:40] + "\xe9" + cookie[41:], 303),
        (lambda cookie: cookie[:-4], 303),
        (lambda cookie: cookie[:40] + other(cookie[40]) + cookie[41:], 303),
        (lambda cookie: cookie[:-5] + other(cookie[-5]) + cookie[-4:], 303),
    ],
    ids=[
        "whole",
        "empty",
        "short",
        "not ASCII",
        "cut",
        "changed",
        "changed at the end",
    ],
)
def test_a_spoilt_cookie_opens_nothing(signed_in, client, spoil, status):
    cookie = signed_in().cookie

    response = get_with_cookie(client, "/inbox/", spoil(cookie))

    assert response.status_code == status


def test_a_cookie_of_another_installation_opens_nothing(signed_in, runtime):
    other = changed(runtime.settings, secret_key="b3RoZXI" + "A" * 35 + "A=")
    cookie = signed_in().cookie

    ours = get_with_cookie(client_of(runtime), "/inbox/", cookie)
    theirs = get_with_cookie(
        client_of(replace(runtime, settings=other)), "/inbox/", cookie
    )

    assert (ours.status_code, theirs.status_code) == (200, 303)


def test_signing_out_takes_the_cookie_away(signed_in):
    browser = signed_in()

    response = browser.submit("/inbox/sign-out")

    assert response.status_code == 303
    assert browser.cookie == ""
    assert browser.get("/inbox/").status_code == 303


def test_a_key_in_a_header_is_no_session(client, as_key):
    response = client.get("/inbox/", headers=as_key())

    assert response.status_code == 303


def test_a_session_is_no_key(signed_in):
    assert signed_in().get("/api/v1/conversations").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
    ],
    ids=str,
)
def test_a_form_of_another_site_changes_nothing(runtime, signed_in, arrive, headers):
    [conversation_id] = arrive(message())
    browser = signed_in()
    form = {"token": browser.token, "status": "closed"}

    response = browser.client.post(
        f"/inbox/{conversation_id}", data=form, headers=headers
    )

    assert response.status_code == 403
    assert "another site" in text_of(response)
    assert rows(runtime, "conversations", "status") == [("new",)]


@pytest.mark.parametrize(
    "origin", ["http://localhost", "http://127.0.0.1:8000"], ids=["host", "public"]
)
def test_where_a_browser_says_no_more_its_origin_will_do(
    runtime, signed_in, arrive, origin
):
    [conversation_id] = arrive(message())
    browser = signed_in()
    form = {"token": browser.token, "status": "closed"}

    response = browser.client.post(
        f"/inbox/{conversation_id}", data=form, headers={"Origin": origin}
    )

    assert response.status_code == 303
    assert rows(runtime, "conversations", "status") == [("closed",)]


def test_nobody_is_signed_in_by_a_form_of_another_site(browser, make, workspace):
    response = browser.client.post(
        "/inbox",
        data={"key": make.key(workspace)},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert response.status_code == 403
    assert browser.cookie == ""


@pytest.mark.parametrize("token", [None, "", "guessed", "é", "of another session"])
def test_a_form_without_the_token_of_the_session_changes_nothing(
    runtime, signed_in, arrive, token
):
    [conversation_id] = arrive(message())
    browser = signed_in()
    form = {"status": "closed"}
    if token is not None:
        form["token"] = signed_in().token if "another" in token else token

    response = browser.client.post(f"/inbox/{conversation_id}", data=form, headers=OWN)

    assert response.status_code == 403
    assert "not one of this session" in text_of(response)
    assert rows(runtime, "conversations", "status, ai_enabled") == [("new", True)]


def test_signing_out_needs_the_token_too(signed_in):
    browser = signed_in()

    response = browser.client.post("/inbox/sign-out", headers=OWN)

    assert response.status_code == 403
    assert browser.get("/inbox/").status_code == 200


def test_who_tries_many_keys_has_to_wait(client, make, workspace):
    guesser, other = Browser(client), Browser(client.application.test_client())
    other.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    key = make.key(workspace)
    refused = [guesser.sign_in("bb_x_y").status_code for _ in range(attempts.LIMIT)]

    response = guesser.sign_in(key)

    assert set(refused) == {403}
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= attempts.WINDOW_SECONDS
    assert "Too many tries" in text_of(response)
    assert guesser.cookie == ""
    assert other.sign_in(key).status_code == 303


def test_who_waited_may_try_again():
    now = [0.0]
    tries = Attempts(clock=lambda: now[0])
    for _ in range(attempts.LIMIT):
        assert tries.wait("a") == 0
        tries.failed("a")

    waits = []
    for now[0] in (0.0, attempts.WINDOW_SECONDS - 1, attempts.WINDOW_SECONDS):
        waits.append(tries.wait("a"))

    assert waits == [attempts.WINDOW_SECONDS, 1, 0]


def test_only_so_many_callers_are_remembered(monkeypatch):
    monkeypatch.setattr(attempts, "MOST_CALLERS", 2)
    monkeypatch.setattr(attempts, "LIMIT", 1)
    tries = Attempts()

    for who in ("a", "b", "a", "c"):
        tries.failed(who)

    assert [who for who in "abc" if tries.wait(who)] == ["a", "c"]


def other(letter):
    return "B" if letter == "A" else "A"
