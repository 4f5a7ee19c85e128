"""One file per provider; the registry finds the adapter in it."""
