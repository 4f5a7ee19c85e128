-- What still has to be done, per queue; of what is sent, only what may go out now.
CREATE OR REPLACE VIEW bb_queue_depths WITH (security_invoker = true) AS
SELECT queue, count(due.received_at) AS depth,
       count(due.received_at) FILTER (WHERE due.leased) AS in_progress,
       min(due.received_at) AS oldest_at
FROM (VALUES ('bb_import_jobs'), ('bb_ingest_jobs'), ('bb_classify_jobs'), ('bb_draft_jobs'), ('bb_outbound_jobs'),
             ('bb_deadletter_jobs'))
     AS queues (queue)
LEFT JOIN (
    SELECT CASE status WHEN 'received' THEN 'bb_ingest_jobs'
                       WHEN 'materialized' THEN 'bb_classify_jobs'
                       ELSE 'bb_draft_jobs' END AS queue,
           received_at, coalesce(lease_expires_at, '-infinity') > now() AS leased
    FROM message_events
    WHERE finished_at IS NULL
    UNION ALL
    SELECT 'bb_outbound_jobs', coalesce(next_attempt_at, created_at), coalesce(lease_expires_at, '-infinity') > now()
    FROM outbound_messages
    WHERE finished_at IS NULL AND state <> 'held' AND coalesce(next_attempt_at, '-infinity') <= now()
    UNION ALL
    SELECT 'bb_import_jobs', started_at, coalesce(lease_expires_at, '-infinity') > now()
    FROM pipeline_runs
    WHERE state IN ('queued', 'running')
    UNION ALL
    SELECT 'bb_deadletter_jobs', created_at, false
    FROM dead_letters
    WHERE status = 'open'
) due USING (queue)
GROUP BY queue;
