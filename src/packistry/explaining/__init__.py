"""Why somebody cannot install something: what access, versions, imports and constraints say of it, in sentences."""
