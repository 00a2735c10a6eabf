"""The REST API: what pages and commands do, for programs. One file a resource; it decides and stores nothing itself.

The framework is imported with the first call (about 1 s and 17 MB that readers need not pay): `door` and what
it imports never do.
"""
