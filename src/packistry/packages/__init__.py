"""Packages and versions: reading them, publishing them, and the documents rendered from them."""
