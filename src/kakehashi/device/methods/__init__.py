"""Ways to simulate a noisy circuit, one method a file, and the router that chooses among them."""
