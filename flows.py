"""`python flows.py run FLOW RUN_ID`: the `nibrs` command with Prefect as its default engine."""

from nibrs_estimation.cli.main import run_through_prefect

if __name__ == "__main__":
    run_through_prefect()
