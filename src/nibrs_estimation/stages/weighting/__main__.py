"""`python -m nibrs_estimation.stages.weighting [TASK]`: this stage with benchmark and coverage, once part of it."""

from nibrs_estimation.stages.__main__ import run_stage

if __name__ == "__main__":
    run_stage("benchmark", "weighting", "coverage")
