"""`python -m nibrs_estimation.stages.variance [TASK]`: the old command for stage estimation."""

from nibrs_estimation.stages.__main__ import run_stage

if __name__ == "__main__":
    run_stage("estimation")
