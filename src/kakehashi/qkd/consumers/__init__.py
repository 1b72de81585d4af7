"""What keys are for: TLS 1.3, WireGuard and IPsec, with keys fetched by ETSI 014 at both ends."""
