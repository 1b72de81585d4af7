"""Machines behind the same protocol as the twins."""
