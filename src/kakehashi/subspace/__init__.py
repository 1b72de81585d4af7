"""Product spaces of strings, the Hamiltonian on them, its lowest states, and the self-consistent loop."""
