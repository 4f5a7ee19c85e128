-- What still has to be done, per queue, sending and asking too. Redis may hold fewer or more doorbells than this.
CREATE OR REPLACE VIEW bb_queue_depths WITH (security_invoker = true) AS
SELECT queue, count(due.received_at) AS depth,
       count(due.received_at) FILTER (WHERE due.leased) AS in_progress,
       min(due.received_at) AS oldest_at
FROM (VALUES ('bb_import_jobs'), ('bb_ingest_jobs'), ('bb_classify_jobs'), ('bb_draft_jobs'), ('bb_outbound_jobs'),
             ('bb_sync_jobs'), ('bb_deadletter_jobs'))
     AS queues (queue)
LEFT JOIN (
    SELECT CASE status WHEN 'received' THEN 'bb_ingest_jobs'
                       WHEN 'materialized' THEN 'bb_classify_jobs'
                       ELSE 'bb_draft_jobs' END AS queue,
           received_at, coalesce(lease_expires_at, '-infinity') > now() AS leased
    FROM message_events
    WHERE finished_at IS NULL
    UNION ALL
    SELECT 'bb_import_jobs', started_at, coalesce(lease_expires_at, '-infinity') > now()
    FROM pipeline_runs
    WHERE state IN ('queued', 'running')
    UNION ALL
    -- What is to be sent at a certain time is there from that time on.
    SELECT 'bb_outbound_jobs',
           greatest(created_at, CASE WHEN first_tried_at IS NULL THEN next_attempt_at END),
           coalesce(lease_expires_at, '-infinity') > now()
    FROM outbound_messages
    WHERE finished_at IS NULL AND (first_tried_at IS NOT NULL OR coalesce(next_attempt_at, '-infinity') <= now())
    UNION ALL
    -- An account is always asked again: it is due when its time has come, and never while it is paused.
    SELECT 'bb_sync_jobs', coalesce(w.next_attempt_at, w.created_at), coalesce(w.lease_expires_at, '-infinity') > now()
    FROM sync_watermarks w
    JOIN channel_configs c ON c.id = w.config_id
    WHERE coalesce(w.next_attempt_at, '-infinity') <= now() AND c.status = 'active'
      AND CASE w.resource WHEN 'messages' THEN c.poll_seconds IS NOT NULL ELSE c.subscribes END
    UNION ALL
    SELECT 'bb_sync_jobs', created_at, coalesce(lease_expires_at, '-infinity') > now()
    FROM message_fetches
    WHERE finished_at IS NULL
    UNION ALL
    SELECT 'bb_sync_jobs', created_at, coalesce(lease_expires_at, '-infinity') > now()
    FROM attachments
    WHERE state = 'pending'
    UNION ALL
    SELECT 'bb_deadletter_jobs', created_at, false
    FROM dead_letters
    WHERE status = 'open'
) due USING (queue)
GROUP BY queue;
