"""Telegram: updates read into messages, and files by their ids."""
