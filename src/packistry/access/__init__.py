"""Who may do what: the whole answer. Nothing outside this room decides about access."""
