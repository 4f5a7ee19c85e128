"""The web process: routes that read a request, call one use case, and write its answer."""

from app.http.app import create_app

__all__ = ["create_app"]
