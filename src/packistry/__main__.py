"""Opens the command line: the program `packistry`, and `python -m packistry`."""

import sys


def main() -> None:
    """Runs the command and ends the process with its exit code."""
    try:
        from packistry.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before the command line was loaded; afterwards it answers itself.
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
