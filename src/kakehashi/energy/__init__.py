"""Energies and density matrices of a state."""
