"""From sifted bits to a secret key: two ends that share nothing but the wire."""
