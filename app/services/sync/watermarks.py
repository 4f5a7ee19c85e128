"""Which job looks after a watermark."""

from app.domain.status import WatermarkResource
from app.jobs.contracts import Poll, Subscribe
from app.models import SyncWatermark

JOB_OF: dict[WatermarkResource, type[Poll | Subscribe]] = {
    WatermarkResource.MESSAGES: Poll,
    WatermarkResource.SUBSCRIPTION: Subscribe,
}


def watermark_job(watermark: SyncWatermark) -> Poll | Subscribe:
    """The job that takes up a watermark that is due."""
    return JOB_OF[watermark.resource](
        workspace_id=watermark.workspace_id, config_id=watermark.config_id
    )
