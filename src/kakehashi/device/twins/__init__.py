"""Named twins of quantum processors: what they are, where each number comes from, and how they are read."""
