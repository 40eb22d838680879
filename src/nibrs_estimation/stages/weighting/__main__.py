"""`python -m nibrs_estimation.stages.weighting [TASK]`: run this stage, and benchmark and coverage."""

from nibrs_estimation.stages.__main__ import run_stage

if __name__ == "__main__":
    run_stage("benchmark", "weighting", "coverage")
