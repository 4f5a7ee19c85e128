"""Files that Telegram knows by an id: where each lies is asked for when it is fetched."""

import re
from typing import Any
from urllib.parse import quote, unquote

import requests

from app.channels.base import Account
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.provider_files import Open, ProviderFiles
from app.channels.reading import number_of, object_of, text_of
from app.channels.telegram.contents import FILE_PATH
from app.errors import (
    AuthError,
    BizzyBeeError,
    Gone,
    PermanentError,
    RateLimited,
    Refused,
    RetryableError,
)
from app.transport import RATE_LIMIT_PAUSE, HTTPClient, decoded

_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{1,200}")
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")


class TelegramFiles:
    """Fetches files with the token of a bot."""

    def __init__(
        self, base_url: str, *, budget: Budget, downloads: Downloads, max_bytes: int
    ) -> None:
        self._base_url = base_url
        self._budget = budget
        self._downloads = downloads
        self._max_bytes = max_bytes

    def fetch(self, account: Account, url: str) -> bytes | None:
        """Fetch a file by the address that its message lists; None for any other address."""
        mark = f"{self._base_url}{FILE_PATH}"
        file_id = unquote(url.removeprefix(mark))
        if not url.startswith(mark) or not _FILE_ID.fullmatch(file_id):
            return None
        token = bot_token(account)
        auth = self._budget.paying(Open(), account.config_id)
        # The token is part of the address, which errors do not repeat as far as it is the base.
        api = _BotAPI("telegram", f"{self._base_url}/bot{token}")
        answer = api.get("/getFile", auth=auth, params={"file_id": file_id})
        path = text_of(object_of(object_of(answer).get("result")).get("file_path"))
        if not path:
            raise RetryableError("telegram does not say where the file is")
        files = ProviderFiles(
            "telegram",
            f"{self._base_url}/file/bot{token}",
            downloads=self._downloads,
            max_bytes=self._max_bytes,
        )
        return files.fetch(quote(path), auth=auth)


def bot_token(account: Account) -> str:
    """Return the token of the account's bot, which becomes a part of addresses.

    Raises AuthError where there is none.
    """
    token = account.credentials.get("bot_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise AuthError("the account has no usable bot token")
    return token


class _BotAPI(HTTPClient):
    """Says in the body of a refusal what it means."""

    def refusal(self, what: str, response: requests.Response) -> BizzyBeeError:
        told = self._told(what, response)
        status, words = response.status_code, text_of(told.get("description")).lower()
        detail = f"{what} answered {status}"
        match status:
            case 429:
                parameters = object_of(told.get("parameters"))
                pause = number_of(parameters.get("retry_after"))
                return RateLimited(detail, RATE_LIMIT_PAUSE if pause is None else pause)
            case 401 | 404:  # no bot has this token
                return AuthError(detail)
            case 400 if "too big" in words:
                return Refused("it is larger than Telegram hands out to bots")
            case 400 if "file" in words:
                return Gone(detail)
            case 403:
                return PermanentError(detail)
            case _:
                return super().refusal(what, response)

    def _told(self, what: str, response: requests.Response) -> dict[str, Any]:
        try:
            return object_of(decoded(self._body(what, response)))
        except (ValueError, RecursionError):
            return {}
