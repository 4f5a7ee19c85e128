"""What can be queued, where it goes, and the port through which it gets there."""
