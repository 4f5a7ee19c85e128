-- Where pgvector can be had, an index finds the nearest of many vectors. Safe to repeat: run it by hand once pgvector
-- was installed later. Nothing else needs the extension.
DO $$
DECLARE
    place text;
    role_name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')
    THEN
        BEGIN
            -- Apart, so that what stands in `public` is ours.
            CREATE SCHEMA IF NOT EXISTS bizzybee_vector;
            CREATE EXTENSION vector SCHEMA bizzybee_vector;
        EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN
            RAISE NOTICE 'pgvector is there and may not be installed by this role: CREATE EXTENSION vector';
        END;
    END IF;
    SELECT n.nspname INTO place
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector' AND EXISTS (SELECT FROM pg_am WHERE amname = 'hnsw');
    IF place IS NULL THEN
        RETURN;
    END IF;
    FOREACH role_name IN ARRAY ARRAY['bizzybee_app', 'bizzybee_system'] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, role_name);
    END LOOP;
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS ix_rag_chunks_nearest ON rag_chunks USING hnsw '
        '((embedding::%1$I.vector(1536)) %1$I.vector_cosine_ops) WHERE dimension = 1536',
        place
    );
END
$$;
