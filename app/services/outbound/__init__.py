"""What we send: queued, checked, sent once, and found again when it comes back."""
