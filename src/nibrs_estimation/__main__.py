"""`python -m nibrs_estimation`: the `nibrs` command."""

from nibrs_estimation.cli.main import run

if __name__ == "__main__":
    run()
