"""Keys in store: blocks, what each of their bits was spent on, and the proof that none is missing."""
