-- That two conversations were one stays as it was found.
REVOKE UPDATE, DELETE ON conversation_joins FROM bizzybee_app;
