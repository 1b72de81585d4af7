"""Keys on their way to those who use them: ETSI GS QKD 014 and SKIP over mutual TLS, and what two key servers say."""
