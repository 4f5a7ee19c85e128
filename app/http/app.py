"""Puts the web application together."""

from flask_openapi.openapi import OpenAPI

from app.http import auth, errors, requests
from app.http.attachments import attachments
from app.http.bodies import READ_LIMIT
from app.http.context import EXTENSION
from app.http.conversations import conversations
from app.http.customers import customers
from app.http.events import events
from app.http.health import health
from app.http.imports import imports
from app.http.ingest import ingest
from app.http.jobs import jobs
from app.http.knowledge import knowledge
from app.http.messaging import messaging
from app.http.openapi import SECURITY_SCHEMES, describe, docs
from app.http.orders import orders
from app.http.products import products
from app.http.schemas import Problem
from app.http.ui.pages import ui
from app.http.webhooks import webhooks
from app.http.workspaces import workspaces
from app.runtime import Runtime

BLUEPRINTS = (
    ingest,
    imports,
    jobs,
    webhooks,
    conversations,
    messaging,
    workspaces,
    attachments,
    customers,
    products,
    orders,
    events,
    knowledge,
    health,
)


def create_app(runtime: Runtime) -> OpenAPI:
    """The WSGI application over a runtime. Opens no connection, so it starts without a database."""
    app = OpenAPI(
        "bizzybee",
        info={
            "title": "BizzyBee",
            "version": "1",
            "description": "Every message a business receives: kept, understood, answered once, "
            "and explained.",
        },
        security_schemes=SECURITY_SCHEMES,
        validation_error_status=400,
        validation_error_model=Problem,
        validation_error_callback=errors.unusable,
        # We serve description and page ourselves: at other addresses, under a strict policy.
        doc_ui=False,
        static_folder=None,
    )
    app.openapi_version = "3.1.0"
    app.extensions[EXTENSION] = runtime
    app.config["MAX_CONTENT_LENGTH"] = READ_LIMIT
    requests.register(app)
    app.before_request(auth.authorize)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    app.register_blueprint(docs)
    app.register_blueprint(ui)
    describe(app)
    return app
