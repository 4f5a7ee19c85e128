"""Use cases, one per file. Each gets a `Runtime` and is safe to repeat."""
