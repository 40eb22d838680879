"""`python -m nibrs_estimation.stages.accounting [TASK]`: this stage alone, in statistics mode."""

from nibrs_estimation.cli.statistics import stage_main
from nibrs_estimation.stages.accounting import TASKS

if __name__ == "__main__":
    stage_main("accounting", TASKS)
