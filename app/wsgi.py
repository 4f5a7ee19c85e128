"""The web process: `gunicorn app.wsgi:application`."""

from app.bootstrap import build_runtime
from app.embedded import complete
from app.http import create_app
from app.logs import configure_logs
from tasks.celery_app import publish_or_give_up
from tasks.publisher import CeleryPublisher

settings = complete()
configure_logs(settings.log_level)
publish_or_give_up()
application = create_app(build_runtime(settings, CeleryPublisher()))
