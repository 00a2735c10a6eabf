"""People who may sign in: their role, password and grants.

It has no tasks.py: nothing of an account is done in the background.
"""
