"""What happened, by whom, on what, from where and when; written in the transaction of the change itself."""
