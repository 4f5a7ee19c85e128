"""What the business knows: its messages, kept findable."""
