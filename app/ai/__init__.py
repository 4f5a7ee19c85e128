"""Models that judge and write, behind two small ports; `offline` is a real mode of both."""
