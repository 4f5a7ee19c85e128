"""The web process: `gunicorn app.wsgi:application`."""

from app.bootstrap import build_runtime
from app.embedded import complete
from app.http import create_app
from app.logs import configure_logs
from tasks.celery_app import celery_app
from tasks.publisher import CeleryPublisher

#: Seconds. A request that rings must not wait for a broker that is away; the sweep rings later.
BROKER_TIMEOUT = 1

settings = complete()
configure_logs(settings.log_level)
celery_app.conf.broker_transport_options = {
    **celery_app.conf.broker_transport_options,
    "socket_timeout": BROKER_TIMEOUT,
    "socket_connect_timeout": BROKER_TIMEOUT,
}
application = create_app(build_runtime(settings, CeleryPublisher()))
