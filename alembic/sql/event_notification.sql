-- Our own writers ring the queues themselves and say so in app.writer; NOTIFY takes a lock that all
-- committing sessions share, which a bulk import need not pay for.
CREATE FUNCTION bb_notify_new_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('app.writer', true), '') <> 'bizzybee' THEN
        PERFORM pg_notify('bizzybee_events', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER notify_new_events AFTER INSERT ON message_events
    FOR EACH STATEMENT EXECUTE FUNCTION bb_notify_new_events();
