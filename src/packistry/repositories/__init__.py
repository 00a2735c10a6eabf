"""Repositories: what a Composer client is pointed at, and everything it is answered."""
