"""Deploy tokens and personal tokens: making, rotating, revoking and recognising them.

It has no tasks.py: an expired token is refused when it is shown, and last uses are written by the web workers.
"""
