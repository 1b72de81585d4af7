"""The native sampler of noisy circuits: circuits as rotations, errors as signs, trajectories as a tree."""
