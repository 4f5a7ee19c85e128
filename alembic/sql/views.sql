-- Views run with the rights of who asks (security_invoker), so row-level security holds behind them too.

CREATE VIEW bb_open_incidents WITH (security_invoker = true) AS
SELECT id, workspace_id, kind, severity, dedupe_key, status, first_seen_at, last_seen_at, count, details
FROM pipeline_incidents
WHERE status <> 'resolved';

-- An event is stalled when nothing has touched it for a quarter of an hour and nothing holds it.
CREATE VIEW bb_stalled_events WITH (security_invoker = true) AS
SELECT id, workspace_id, channel, config_id, external_id, run_id, status, attempts, next_attempt_at,
       last_error, received_at, updated_at, now() - updated_at AS stalled_for
FROM message_events
WHERE finished_at IS NULL
  AND updated_at < now() - interval '15 minutes'
  AND coalesce(next_attempt_at, '-infinity') < now()
  AND coalesce(lease_expires_at, '-infinity') < now();

CREATE VIEW bb_pipeline_progress WITH (security_invoker = true) AS
SELECT r.id AS run_id, r.workspace_id, r.config_id, r.source, r.mode, r.state, r.cap, r.fetched_so_far,
       r.pages, r.created, r.duplicates, r.rejected, r.rate_limit_count, r.truncated, r.heartbeat_at,
       r.started_at, r.finished_at, r.last_error, r.next_attempt_at,
       e.events, e.finished_events, e.failed_events
FROM pipeline_runs r
CROSS JOIN LATERAL (
    SELECT count(*) AS events,
           count(finished_at) AS finished_events,
           count(*) FILTER (WHERE status = 'failed') AS failed_events
    FROM message_events
    WHERE run_id = r.id
) e;

-- What still has to be done, per queue. Redis may hold fewer or more doorbells than this.
CREATE VIEW bb_queue_depths WITH (security_invoker = true) AS
SELECT queue, count(due.received_at) AS depth,
       count(due.received_at) FILTER (WHERE due.leased) AS in_progress,
       min(due.received_at) AS oldest_at
FROM (VALUES ('bb_import_jobs'), ('bb_ingest_jobs'), ('bb_classify_jobs'), ('bb_draft_jobs'), ('bb_deadletter_jobs'))
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
    SELECT 'bb_deadletter_jobs', created_at, false
    FROM dead_letters
    WHERE status = 'open'
) due USING (queue)
GROUP BY queue;

CREATE VIEW bb_needs_classification WITH (security_invoker = true) AS
SELECT c.id AS conversation_id, c.workspace_id, c.channel, c.config_id, c.last_inbound_message_id,
       c.last_inbound_message_at, e.id AS event_id, e.attempts, e.next_attempt_at, e.last_error
FROM conversations c
JOIN message_events e ON e.message_id = c.last_inbound_message_id
WHERE c.last_classified_message_id IS DISTINCT FROM c.last_inbound_message_id
  AND e.status = 'materialized';

CREATE VIEW bb_stage_latency WITH (security_invoker = true) AS
SELECT workspace_id, date_trunc('hour', received_at) AS hour, stage, count(*) AS events,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99_seconds
FROM message_events
CROSS JOIN LATERAL (
    VALUES ('materialize', extract(epoch FROM materialized_at - received_at)),
           ('classify', extract(epoch FROM decided_at - materialized_at)),
           ('draft', extract(epoch FROM drafted_at - decided_at))
) AS stages (stage, seconds)
WHERE seconds IS NOT NULL
GROUP BY workspace_id, hour, stage;

CREATE VIEW bb_unreplied_messages WITH (security_invoker = true) AS
SELECT m.id, m.workspace_id, m.conversation_id, m.channel, m.config_id, m.customer_id, m.subject,
       m.sent_at, m.occurred_at, c.ai_enabled, c.decision
FROM messages m
JOIN conversations c ON c.id = m.conversation_id
WHERE NOT m.is_old AND NOT m.reply_sent AND m.sender_type = 'customer'
  AND m.occurred_at > coalesce(c.last_outbound_message_at, '-infinity');

GRANT SELECT ON bb_open_incidents, bb_stalled_events, bb_pipeline_progress, bb_queue_depths,
    bb_needs_classification, bb_stage_latency, bb_unreplied_messages TO bizzybee_app, bizzybee_system;
