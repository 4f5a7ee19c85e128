"""What is sold: the catalogue, and the orders that are taken in conversations."""
