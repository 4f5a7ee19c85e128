"""Rules without I/O: given values, they return values. No database, no network, no clock of their own."""
