"""Judges any key server by ETSI GS QKD 014 V1.1.1, and by the ways in which servers have failed."""
