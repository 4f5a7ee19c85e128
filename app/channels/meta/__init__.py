"""What WhatsApp, Messenger and Instagram share: the envelope and signature of webhooks, and Graph."""
