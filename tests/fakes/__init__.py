"""Code hosts on loopback: small servers that speak a host's real API, and refuse what the real host refuses."""
