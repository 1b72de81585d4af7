"""The network: trusted nodes that make keys over their links and relay them, and a server that chooses the routes."""
