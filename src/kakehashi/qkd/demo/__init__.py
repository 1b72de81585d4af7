"""The demonstration: a network, a protected channel, an eavesdropper, and what happens then."""
