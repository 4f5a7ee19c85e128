"""Models, migrations and SQL files say the same."""

import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.models import Base
from tests.catalog import SQL, catalog_of, create_from_models, run_file

TABLES = ("column", "constraint", "index", "sequence")


def test_models_and_migrations_agree(migrated):
    context = MigrationContext.configure(
        migrated,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            # Is there only where pgvector is.
            "include_name": lambda name, *_: name != "ix_rag_chunks_nearest",
        },
    )

    assert compare_metadata(context, Base.metadata) == []


def test_models_and_migrations_agree_to_the_letter(blank, migrated):
    """Down to CHECKs, partial indexes and defaults, which the comparison above passes over."""
    with blank().connect() as created:
        create_from_models(created)
        run_file(created, "vectors.sql")

        from_models = catalog_of(created, *TABLES)

    from_migrations = catalog_of(migrated, *TABLES)
    assert from_migrations == from_models
    assert any("CHECK" in definition for definition in from_models.values())
    assert any("WHERE" in definition for definition in from_models.values())


def test_the_sql_files_and_the_catalog_agree(blank, migrated):
    with blank().connect() as created:
        create_from_models(created)
        created.exec_driver_sql("CREATE TABLE alembic_version ()")
        for name in (
            *("row_level_security", "views", "event_notification"),
            *("thread_history", "merge_history", "queue_depths"),
            *("run_history", "vectors"),
        ):
            run_file(created, f"{name}.sql")

        from_files = catalog_of(created)

    assert catalog_of(migrated) == from_files


def test_every_object_of_the_catalog_stands_in_a_file(rows):
    files = "".join(path.read_text() for path in SQL.glob("*.sql"))

    views = rows("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    functions = rows(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    triggers = rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")

    assert written(files, "VIEW") == {name for (name,) in views}
    assert written(files, "FUNCTION") == {name for (name,) in functions}
    assert written(files, "TRIGGER") == {name for (name,) in triggers}


def written(files, kind):
    return set(re.findall(rf"CREATE {kind} (\w+)", files))
