"""`python -m nibrs_estimation.stages.summary [TASK]`: run only this stage, in statistics mode."""

from nibrs_estimation.stages.__main__ import run_stage

if __name__ == "__main__":
    run_stage("summary")
