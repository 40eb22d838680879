"""`python -m nibrs_estimation.stages.indicators [TASK]`: the old command for stage counting."""

from nibrs_estimation.stages.__main__ import run_stage

if __name__ == "__main__":
    run_stage("counting")
