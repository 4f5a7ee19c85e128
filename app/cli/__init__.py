"""The `bizzybee` command: data on stdout, talk on stderr, `--json` for machines."""
