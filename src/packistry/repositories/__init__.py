"""Repositories: what a Composer client is pointed at, and everything it is answered.

It has no tasks.py: nothing of a repository is done in the background.
"""
