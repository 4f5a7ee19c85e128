"""The description of the API at `/openapi.json`, and the page at `/docs` that shows it."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, cast

from flask import Blueprint, Response, current_app
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI
from flask_openapi.types import ResponseDict
from flask_openapi.utils import parse_rule
from pydantic import BaseModel

from app.http.auth import TOKEN_HEADER, Access, access_to, public
from app.http.commerce_schemas import OrderChange
from app.http.outbound_schemas import (
    DraftApproval,
    DraftEdit,
    OutboundRequest,
    Settlement,
    WorkspaceChange,
)
from app.http.schemas import (
    Batch,
    ConversationChange,
    MergeCustomers,
    Problem,
    StartImport,
)
from app.services.commerce.catalogue import ProductChange, ProductFields

#: Models that no view names as a parameter.
MODELS: tuple[type[BaseModel], ...] = (
    Batch,
    StartImport,
    ConversationChange,
    OutboundRequest,
    Settlement,
    DraftEdit,
    DraftApproval,
    WorkspaceChange,
    ProductFields,
    ProductChange,
    OrderChange,
    MergeCustomers,
    Problem,
)

SECURITY_SCHEMES: dict[str, SecurityScheme | dict[str, Any]] = {
    "api_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of one workspace: `bizzybee key create`.",
    },
    "worker_token": {
        "type": "apiKey",
        "in": "header",
        "name": TOKEN_HEADER,
        "description": "The operators' token: `BB_WORKER_TOKEN`.",
    },
}

#: What may be answered to any request, and to one that must name its caller.
_ANY_REQUEST = {
    "400": "The request is not valid",
    "500": "A fault of ours",
    "503": "The database is away; try again after `Retry-After` seconds",
}
_NAMED_CALLER = {
    "401": "No key, or not a valid one",
    "403": "The key lacks the scope",
}

#: Swagger UI as its package brings it, so the page needs no other server.
_SWAGGER = str(files("flask_openapi_swagger") / "templates" / "swagger")

docs = Blueprint(
    "docs", __name__, static_folder=_SWAGGER, static_url_path="/docs/swagger"
)

# Scripts and styles are our own files, so the page keeps a strict policy. Swagger's icons are data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>BizzyBee API</title>
<link rel="icon" href="docs/swagger/images/swagger.svg">
<link rel="stylesheet" href="docs/swagger/css/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="docs/swagger/js/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""


@docs.get("/docs")
@public
def page() -> Response:
    return Response(_PAGE, headers={"Content-Security-Policy": _POLICY})


@docs.get("/docs/start.js")
@public
def start() -> Response:
    return Response(_START, mimetype="text/javascript")


@docs.get("/openapi.json")
@public
def description() -> Response:
    spec = cast(OpenAPI, current_app).spec_json
    return Response(json.dumps(spec), mimetype="application/json")


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """The `request_body` of a view that reads its body itself."""
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": _ref(model.__name__)}}},
    }


def problems(*statuses: int) -> ResponseDict:
    """The `responses` of a view for what may go wrong there and not everywhere."""
    return {
        str(status): {"content": {"application/problem+json": _PROBLEM}}
        for status in statuses
    }


def describe(app: OpenAPI) -> None:
    """Write the description: what the views say, and what holds for all of them.

    Called when all routes are registered.
    """
    for model in MODELS:
        schema = model.model_json_schema(ref_template=_ref("{model}"))
        app.components_schemas |= schema.pop("$defs", {})
        app.components_schemas[model.__name__] = schema
    for access, operation in _operations(app):
        # The library joins the lines of a docstring as HTML.
        if "description" in operation:
            lines = operation["description"].split("<br/>")
            operation["description"] = "\n".join(lines).strip()
        common = dict(_ANY_REQUEST)
        if access.scopes:
            common |= _NAMED_CALLER
            operation["security"] = [
                {"api_key": [str(scope) for scope in access.scopes]},
                *([{"worker_token": []}] if access.operators else []),
            ]
        # The library's own word on invalid requests, which are answered with a problem here.
        del operation["responses"]["400"]
        for status, description in common.items():
            operation["responses"].setdefault(
                status,
                {
                    "description": description,
                    "content": {"application/problem+json": _PROBLEM},
                },
            )


def _operations(app: OpenAPI) -> Iterator[tuple[Access, dict[str, Any]]]:
    """The described operations, each with what its view asks of callers."""
    paths = app.api_doc["paths"]
    for rule in app.url_map.iter_rules():
        for method, operation in paths.get(parse_rule(rule.rule), {}).items():
            access = access_to(app, rule.endpoint)
            if access is not None and method.upper() in (rule.methods or ()):
                yield access, operation


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"


_PROBLEM = {"schema": {"$ref": _ref("Problem")}}
