"""Channels: one adapter file per provider; adapters translate and nothing else."""
