"""Circuits that keep the numbers of electrons, simulated among the determinants that have those numbers."""
