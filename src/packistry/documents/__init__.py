"""What programs are told, key by key: `--json` of the commands and the API answer the same."""
