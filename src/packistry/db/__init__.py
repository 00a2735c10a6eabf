"""The database: tables, migrations and the two kinds of session. No rule of ours is decided here."""
