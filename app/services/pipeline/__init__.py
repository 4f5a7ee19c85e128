"""The stages a message passes: ingest → materialize → classify → draft."""
