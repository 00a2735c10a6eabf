"""Every request that we make to others, under limits. Knows nothing of hosts, packages or the database."""
