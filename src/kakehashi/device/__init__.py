"""Devices: whatever turns a circuit into raw shots, and the files that shots are kept in."""
