"""Row-level security stands on every table of a workspace, whoever adds one."""

import pytest

from app.models import Base

SETTING = "NULLIF(current_setting('app.workspace_id'::text, true), ''::text)"
OWNED = {
    table.name: "id" if table.name == "workspaces" else "workspace_id"
    for table in Base.metadata.sorted_tables
    if table.name == "workspaces" or "workspace_id" in table.columns
}


@pytest.mark.shows("L1")
@pytest.mark.parametrize("table", OWNED)
def test_a_table_of_a_workspace_is_walled_in(rows, table):
    (state,) = rows(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = :table",
        table=table,
    )
    policies = rows(
        "SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies"
        " WHERE tablename = :table ORDER BY policyname",
        table=table,
    )

    mine = f'({OWNED[table]} = ( SELECT ({SETTING})::uuid AS "nullif"))'
    assert state == (True, True)
    assert policies == [
        ("every_workspace", "PERMISSIVE", ["bizzybee_system"], "ALL", "true", "true"),
        ("workspace_only", "PERMISSIVE", ["bizzybee_app"], "ALL", mine, mine),
    ]


def test_no_table_of_a_workspace_is_unknown_to_the_models(rows):
    found = rows("""
        SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attname = 'workspace_id'
    """)

    assert {name for (name,) in found} == OWNED.keys() - {"workspaces"}


def test_the_roles_can_do_nothing_special(rows):
    found = rows("""
        SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb,
               (SELECT count(*) FROM pg_class WHERE relowner = r.oid),
               (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)
        FROM pg_roles r WHERE rolname LIKE 'bizzybee!_%' ESCAPE '!'
          AND rolname NOT LIKE 'bizzybee!_owner%' ESCAPE '!'
        ORDER BY rolname
    """)

    nothing = (False, False, False, False, False, 0, 0)
    assert found == [("bizzybee_app", *nothing), ("bizzybee_system", *nothing)]


def test_the_roles_can_use_every_table_and_nothing_more(rows):
    found = rows("""
        SELECT c.relname, pg_get_userbyid(g.grantee),
               string_agg(g.privilege_type, ' ' ORDER BY g.privilege_type)
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND g.grantee <> c.relowner
        GROUP BY 1, 2
    """)

    everything = "DELETE INSERT SELECT UPDATE"
    expected = {
        (table.name, role): everything
        for table in Base.metadata.sorted_tables
        for role in ("bizzybee_app", "bizzybee_system")
    }
    expected |= {
        ("audit_log", "bizzybee_app"): "INSERT SELECT",
        ("conversation_joins", "bizzybee_app"): "INSERT SELECT",
        ("customer_merges", "bizzybee_app"): "INSERT SELECT",
        ("job_runs", "bizzybee_app"): "INSERT SELECT",
        ("pipeline_job_audit", "bizzybee_app"): "INSERT SELECT",
        ("alembic_version", "bizzybee_app"): "SELECT",
        ("alembic_version", "bizzybee_system"): everything,
    }
    del expected["heartbeats", "bizzybee_app"]
    assert {(table, role): may for table, role, may in found} == expected
