"""What the IMAP adapter is made of: logging in, talking, choosing folders, keeping the place."""
