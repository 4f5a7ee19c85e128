"""How a migration is written."""

import ast

import pytest

from app.config import ROOT

FOLDER = ROOT / "alembic"
VERSIONS = sorted((FOLDER / "versions").glob("*.py"))


def test_our_folder_does_not_shadow_the_library():
    """With `__init__.py` in it, `import alembic` would find our folder."""
    import alembic

    assert list(FOLDER.rglob("__init__.py")) == []
    assert "site-packages" in str(alembic.__file__)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_version_does_not_import_the_code(path):
    """The code moves on, a version does not."""
    assert imported(path).isdisjoint({"app", "tasks", "tests", "sandbox"})


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_version_says_what_it_does(path):
    module = ast.parse(path.read_text())

    assert ast.get_docstring(module)


def test_versions_follow_each_other():
    chain = [(f"{number:04}", path) for number, path in enumerate(VERSIONS, start=1)]

    before = None
    for revision, path in chain:
        found = assigned(path)
        assert found == {"revision": revision, "down_revision": before}
        assert path.stem.startswith(f"{revision}_")
        before = revision


def imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def assigned(path):
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        and node.targets[0].id in {"revision", "down_revision"}
    }
