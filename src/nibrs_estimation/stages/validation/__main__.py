"""`python -m nibrs_estimation.stages.validation [TASK]`: this stage alone, in statistics mode."""

from nibrs_estimation.cli.statistics import stage_main
from nibrs_estimation.stages.validation import TASKS

if __name__ == "__main__":
    stage_main("validation", TASKS)
