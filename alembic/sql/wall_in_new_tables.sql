-- Every table of a workspace that has no walls yet gets those of row_level_security.sql. Safe to repeat.
DO $$
DECLARE
    table_name text;
    role_name text;
BEGIN
    FOR table_name IN
        SELECT c.relname
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relforcerowsecurity
          AND EXISTS (
              SELECT FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
          )
    LOOP
        FOREACH role_name IN ARRAY ARRAY['bizzybee_app', 'bizzybee_system'] LOOP
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', table_name, role_name);
        END LOOP;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY workspace_only ON %I TO bizzybee_app '
            'USING (workspace_id = (SELECT nullif(current_setting(''app.workspace_id'', true), '''')::uuid)) '
            'WITH CHECK (workspace_id = (SELECT nullif(current_setting(''app.workspace_id'', true), '''')::uuid))',
            table_name
        );
        EXECUTE format(
            'CREATE POLICY every_workspace ON %I TO bizzybee_system USING (true) WITH CHECK (true)',
            table_name
        );
    END LOOP;
END
$$;
