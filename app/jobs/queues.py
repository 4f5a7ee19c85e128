"""Names of the queues. Operators and dashboards know them; they do not change."""

IMPORT = "bb_import_jobs"
INGEST = "bb_ingest_jobs"
CLASSIFY = "bb_classify_jobs"
DRAFT = "bb_draft_jobs"
OUTBOUND = "bb_outbound_jobs"
DEADLETTER = "bb_deadletter_jobs"
SYNC = "bb_sync_jobs"
KNOWLEDGE = "bb_knowledge_jobs"
OPS = "bb_ops_jobs"

ALL = (IMPORT, INGEST, CLASSIFY, DRAFT, OUTBOUND, SYNC, KNOWLEDGE, DEADLETTER, OPS)
