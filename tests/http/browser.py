"""A browser as far as the pages can tell: keeps cookies, sends the forms that they hold."""

from typing import Any

import lxml.html
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

#: What browsers say of a form that stands on a page of the same site.
OWN = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """One person's browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def sign_in(self, key: str, **fields: str) -> TestResponse:
        return self.client.post("/inbox", data={"key": key, **fields}, headers=OWN)

    def submit(self, path: str, **fields: str) -> TestResponse:
        """Send a form with the token that the pages of this session hold."""
        return self.client.post(path, data={"token": self.token, **fields}, headers=OWN)

    @property
    def token(self) -> str:
        page = parsed(self.client.get("/inbox/nothing"))
        return str(page.xpath("string(//input[@name='token']/@value)"))

    @property
    def cookie(self) -> str:
        """The cookie's value; empty where there is none."""
        found = self.client.get_cookie("bizzybee")
        return found.value if found else ""


def get_with_cookie(client: FlaskClient, path: str, value: str) -> TestResponse:
    """What a page answers to a cookie that was not set by it, or at another time."""
    # A client that keeps cookies would put its own in place of this one.
    bare = client.application.test_client(use_cookies=False)
    return bare.get(path, environ_overrides={"HTTP_COOKIE": f"bizzybee={value}"})


def parsed(response: TestResponse) -> lxml.html.HtmlElement:
    return lxml.html.fromstring(response.text)


def text_of(response: TestResponse) -> str:
    """What somebody reads on a page, in one line."""
    main = parsed(response).xpath("//main")[0]
    return " ".join(main.text_content().split())


def texts(response: TestResponse, path: str) -> list[str]:
    """What stands in each element of a page that an XPath finds."""
    return [
        " ".join(one.text_content().split()) for one in parsed(response).xpath(path)
    ]
