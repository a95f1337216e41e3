"""Conversations as documents that leave the store: text made of records, piece by piece."""
