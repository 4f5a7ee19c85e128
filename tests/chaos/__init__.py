"""Breaks a running system in every way we know, then asks whether anything was lost or done twice.

`test_storm.py` is the short form; `make chaos MINUTES=10` the long one.
"""
