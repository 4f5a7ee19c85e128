"""Bringing messages in from accounts and files."""
