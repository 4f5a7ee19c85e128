"""The pages: what they show of conversations, and what they keep to themselves."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from app import store
from app.domain.decision import Category
from app.domain.status import ConversationStatus, Scope
from app.http import cursors
from app.http.ui import pages, texts, words
from app.http.ui.why import told
from app.services import inbox
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.store.transaction import Database
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter, judged
from tests.http.browser import parsed, text_of
from tests.http.browser import texts as found
from tests.http.client import NOBODY_LISTENS, client_of, rows

ROWS = "//ol[@class='rows']/li"
SUBJECTS = f"{ROWS}//a[@class='subject']"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'
REPLY = "It left today."


@pytest.fixture
def answer(runtime, make, config, arrive):
    """Lets messages arrive, be judged and, where one is due, drafted."""

    def answer(*messages, verdict=None):
        ids = make.events(config, *messages)
        working = replace(
            runtime,
            classifier=ScriptedClassifier(*[verdict] if verdict else []),
            drafter=ScriptedDrafter(),
        )
        pages_of = [make.event(one) for one in ids]
        assert pages_of
        from app.services.pipeline.materialize import materialize

        materialize(working, make.materialize_job(config, ids))
        classify(working, make.classify_job(config, ids))
        draft(working, make.draft_job(config, ids))
        return make.event(ids[-1]).conversation_id

    return answer
