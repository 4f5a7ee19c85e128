-- bizzybee_app sees the workspace named by app.workspace_id and nothing else; requests and workspace jobs run as it.
-- bizzybee_system sees every workspace; the sweep, the supervisor and key look-up run as it.
-- Neither can log in, neither owns a table, neither has BYPASSRLS. Roles belong to the cluster, so they may be there already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['bizzybee_app', 'bizzybee_system'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS NOSUPERUSER', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- Another database of the cluster was faster.
            END;
        END IF;
        BEGIN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        EXCEPTION WHEN insufficient_privilege THEN
            -- Somebody else made the roles. We need not grant them if we may become them already.
            EXECUTE format('SET LOCAL ROLE %I', role_name);
            RESET ROLE;
        END;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %I', role_name);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', role_name);
    END LOOP;
END
$$;

-- What happened stays as it was written.
REVOKE UPDATE, DELETE ON pipeline_job_audit, audit_log FROM bizzybee_app;
-- The pulse of the whole system is no tenant's business.
REVOKE ALL ON heartbeats FROM bizzybee_app;
REVOKE ALL ON alembic_version FROM bizzybee_app;
GRANT SELECT ON alembic_version TO bizzybee_app;

DO $$
DECLARE
    table_name text;
    owner_column text;
BEGIN
    FOR table_name, owner_column IN
        SELECT c.relname, CASE c.relname WHEN 'workspaces' THEN 'id' ELSE 'workspace_id' END
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind = 'r'
          AND (c.relname = 'workspaces' OR EXISTS (
              SELECT FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
          ))
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        -- Without FORCE the owner of the tables would see everything.
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        -- nullif: on a pooled connection the variable may be an empty string, which no uuid is.
        EXECUTE format(
            'CREATE POLICY workspace_only ON %1$I TO bizzybee_app '
            'USING (%2$I = (SELECT nullif(current_setting(''app.workspace_id'', true), '''')::uuid)) '
            'WITH CHECK (%2$I = (SELECT nullif(current_setting(''app.workspace_id'', true), '''')::uuid))',
            table_name, owner_column
        );
        EXECUTE format(
            'CREATE POLICY every_workspace ON %I TO bizzybee_system USING (true) WITH CHECK (true)',
            table_name
        );
    END LOOP;
END
$$;
