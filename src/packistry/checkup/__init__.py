"""Is all well? What an operator who is called at night wants to know, also where no house can be opened."""
