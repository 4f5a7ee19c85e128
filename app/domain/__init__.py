"""Rules without I/O: given values, they return values. No network, no database, no clock."""
