"""A quantum link: what the sender prepares, what the fibre and an eavesdropper do to it, what the receiver detects."""
