"""What stands in a database, so that two of them can be compared."""

from sqlalchemy import Connection, text

from app.config import ROOT
from app.models import Base

SQL = ROOT / "alembic" / "sql"

#: Everything of ours that can stand in a database, each with a key and its definition.
CATALOG = {
    "column": """
        SELECT format('%s.%s', c.relname, a.attname),
               format('%s %s %s %s', format_type(a.atttypid, a.atttypmod), a.attnotnull,
                      a.attidentity, pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND a.attnum > 0 AND NOT a.attisdropped
    """,
    "constraint": """
        SELECT format('%s.%s', conrelid::regclass, conname), pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
    """,
    "index": """
        SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    """,
    "sequence": """
        SELECT sequencename, format('%s %s', data_type, increment_by) FROM pg_sequences
        WHERE schemaname = 'public'
    """,
    "view": """
        SELECT c.relname, format('%s %s', c.reloptions, pg_get_viewdef(c.oid))
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
    """,
    "function": """
        SELECT oid::regprocedure::text, pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    """,
    "trigger": """
        SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    """,
    "policy": """
        SELECT format('%s.%s', tablename, policyname),
               format('%s %s %s %s %s', permissive, roles, cmd, qual, with_check)
        FROM pg_policies WHERE schemaname = 'public'
    """,
    "row security": """
        SELECT relname, format('%s %s', relrowsecurity, relforcerowsecurity) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    """,
    "grant": """
        SELECT format('%s to %s', c.relname, pg_get_userbyid(g.grantee)),
               string_agg(g.privilege_type, ' ' ORDER BY g.privilege_type)
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
        WHERE c.relnamespace = 'public'::regnamespace AND g.grantee <> c.relowner
        GROUP BY c.relname, g.grantee
    """,
}


def catalog_of(connection: Connection, *kinds: str) -> dict[str, str]:
    """What stands in a database of ours, by kind and name."""
    return {
        f"{kind} {name}": definition
        for kind in kinds or CATALOG
        for name, definition in connection.execute(text(CATALOG[kind]))
        if "alembic_version" not in name
    }


def create_from_models(connection: Connection) -> None:
    """The tables as the models describe them."""
    run_file(connection, "uuid7.sql")
    Base.metadata.create_all(connection)


def run_file(connection: Connection, name: str) -> None:
    """Run a file as it stands: a percent sign in it is no parameter."""
    with connection.connection.cursor() as cursor:
        cursor.execute((SQL / name).read_text())
