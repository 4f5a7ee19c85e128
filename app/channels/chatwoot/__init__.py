"""Chatwoot: its events read into messages, and the files behind them."""
