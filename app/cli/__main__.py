"""`python -m app.cli` is `bizzybee`."""

from app.cli.main import main

main()
