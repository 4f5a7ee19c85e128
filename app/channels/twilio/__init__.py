"""Twilio: what its messaging and its voice webhooks have in common, and how each is read."""
