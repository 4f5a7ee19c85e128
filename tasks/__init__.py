"""Celery's side: thin tasks over the use cases in `app.services`."""
