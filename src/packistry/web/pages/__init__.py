"""The pages that people see, all under `/-/`: each reads a request, calls a subject, renders a template."""
