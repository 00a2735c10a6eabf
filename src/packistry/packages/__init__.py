"""Packages and versions: reading them, publishing them, and the documents rendered from them.

It has no tasks.py: what is published in the background is found and done by `sources`.
"""
