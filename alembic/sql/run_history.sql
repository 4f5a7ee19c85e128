-- What happened stays as it was written: a tenant may add to its history and not change it.
REVOKE UPDATE, DELETE ON job_runs FROM bizzybee_app;
