"""Alembic's folder. Files are numbered; migrations run while the old code runs: expand, move, contract."""
