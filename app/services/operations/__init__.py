"""What operators do, and what the system does to look after itself."""
