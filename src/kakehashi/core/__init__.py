"""What every room stands on: errors, bits, random numbers, identity, provenance, progress, files, specs."""
