"""The REST API: what pages and commands do, for programs. One file a resource; it decides and stores nothing itself.

The framework is imported with the first call (0.25 s and 5 MB that readers of packages need not pay): `door` and what
it imports never do.
"""
