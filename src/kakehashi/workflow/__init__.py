"""The whole chain as one readable file, with its folder on disk."""
