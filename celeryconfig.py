"""Celery's settings; each says which outage it prevents."""

from datetime import timedelta

from kombu import Exchange, Queue

from app.embedded import complete
from app.jobs import queues

settings = complete()

broker_url = settings.redis_url

# The truth is in PostgreSQL: nobody waits for a result, and Redis keeps one thing less.
result_backend = None
task_ignore_result = True

# Plain queues: through a topic exchange, publishes vanish after a FLUSHALL.
task_queues = [
    Queue(name, Exchange(name, type="direct"), routing_key=name) for name in queues.ALL
]
task_default_queue = queues.OPS
task_create_missing_queues = False
task_routes = {
    "pipeline.fetch_page": {"queue": queues.IMPORT},
    "pipeline.materialize": {"queue": queues.INGEST},
    "pipeline.classify": {"queue": queues.CLASSIFY},
    "pipeline.draft": {"queue": queues.DRAFT},
    "outbound.*": {"queue": queues.OUTBOUND},
    "sync.*": {"queue": queues.SYNC},
    "knowledge.*": {"queue": queues.KNOWLEDGE},
    "operations.notice_dead_letters": {"queue": queues.DEADLETTER},
    "operations.*": {"queue": queues.OPS},
}

# Ids only, readable by anybody who looks into the queue, and nothing that executes.
task_serializer = "json"
accept_content = ["json"]

# A killed worker's job comes back. Safe because attempts are counted in PostgreSQL: without that
# count, a message that kills its worker would come back for ever.
task_acks_late = True
task_reject_on_worker_lost = True

# A hung job must not hold a worker for ever. Enforced by prefork workers only; threads rely on the
# timeouts of the HTTP clients.
task_soft_time_limit = 120
task_time_limit = 150
task_annotations = {
    # A page whose bodies have to be fetched one by one, from a slow provider.
    "pipeline.fetch_page": {"soft_time_limit": 240, "time_limit": 270},
    # Nothing but our own database.
    "pipeline.materialize": {"soft_time_limit": 60, "time_limit": 90},
}

# A worker that holds jobs it has not started keeps them from an idle neighbour.
worker_prefetch_multiplier = 1
# A leak costs one child, not the machine. The unit is KiB.
worker_max_tasks_per_child = 500
worker_max_memory_per_child = 400_000
# Killing a half-done model call would only pay for it twice.
worker_cancel_long_running_tasks_on_connection_loss = False
# Told to stop (SIGQUIT; the Procfile maps SIGTERM to it), finish what ends within a minute and hand
# the rest back. Give the process a little longer than this before it is killed.
worker_soft_shutdown_timeout = 60
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_send_task_events = settings.task_events
task_send_sent_event = settings.task_events

# None is for ever; 0 would end the worker at the first lost connection.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_transport_options = {
    # At least twice the longest hard time limit, and the same everywhere: the shortest of all
    # workers wins.
    "visibility_timeout": 600,
    # What a lost worker held comes back after the visibility timeout, not 100 seconds later.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 30,
    # Without it a silent peer is waited for for ever.
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
# A request that rings must not wait for a broker that is away; the sweep rings later.
task_publish_retry_policy = {"max_retries": 0}

# Two beats do the work of one: each periodic job claims its turn in PostgreSQL. `expires` keeps
# ticks from piling up while no worker runs.
beat_schedule = {
    "sweep": {
        "task": "operations.sweep",
        "schedule": timedelta(seconds=settings.sweep_seconds),
        "options": {"expires": settings.sweep_seconds},
    },
    "embeddings": {
        "task": "operations.embeddings",
        # Its turn comes every half minute.
        "schedule": timedelta(seconds=settings.sweep_seconds),
        "options": {"expires": settings.sweep_seconds},
    },
    "supervise": {
        "task": "operations.supervise",
        # Its turn comes every two minutes; asking more often lets it come at once after a restart.
        "schedule": timedelta(seconds=settings.sweep_seconds),
        "options": {"expires": settings.sweep_seconds},
    },
    "tick_schedules": {
        "task": "operations.tick_schedules",
        "schedule": timedelta(seconds=settings.sweep_seconds),
        "options": {"expires": settings.sweep_seconds},
    },
}
# The schedule above is all there is; a file of last runs would only go stale.
beat_scheduler = "celery.beat:Scheduler"

timezone = "UTC"
