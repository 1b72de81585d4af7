"""The key network: photons, keys that two ends distil from them, and the keys' way to those who use them."""
