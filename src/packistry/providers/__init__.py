"""The software of code hosts, one file each, all answering the protocol of `base`. Knows no database and no package."""
