-- Who was merged stays as it was found; only that it is undone is added.
REVOKE UPDATE, DELETE ON customer_merges FROM bizzybee_app;
GRANT UPDATE (undone_at, undone_by) ON customer_merges TO bizzybee_app;
