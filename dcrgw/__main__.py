"""`python -m dcrgw`."""

from dcrgw.cli import main

if __name__ == "__main__":
    main()
