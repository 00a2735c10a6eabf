"""People who may sign in: their role, password and grants."""
