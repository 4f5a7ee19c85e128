"""Answers in JSON."""

from http import HTTPStatus

from flask import Response
from pydantic import BaseModel


def answer(body: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A model as JSON: times in ISO 8601, ids as text."""
    return Response(body.model_dump_json(), status, mimetype="application/json")
