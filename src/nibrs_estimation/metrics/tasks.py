"""Tasks of the flow `metrics`."""

from nibrs_estimation.metrics.page import PAGE, RUNS_CSV, TASKS_CSV, UNITS_CSV, write_metrics
from nibrs_estimation.metrics.summary import sum_metrics
from nibrs_estimation.model.run_metrics import RUN_HISTORY, RUN_METRIC, TASK_METRIC, UNIT_METRIC
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, Task

METRICS_PAGE = Document(PAGE, "Time, memory and rows of runs and their tasks, and trends across runs.")
METRICS_FILES = (
    Document(RUNS_CSV, "Time, memory, rows and failures of each run."),
    Document(TASKS_CSV, "The same for each task of each run."),
    Document(UNITS_CSV, "The same for each unit of work, with its state and why it failed."),
)
TASKS = (
    Task(
        name="sum_metrics",
        function=sum_metrics,
        reads=(RUN_HISTORY, UNIT_METRIC),
        writes=(TASK_METRIC, RUN_METRIC),
    ),
    Task(
        name="write_metrics",
        function=write_metrics,
        reads=(UNIT_METRIC, TASK_METRIC, RUN_METRIC),
        writes=(METRICS_PAGE, *METRICS_FILES),
        parameters=(IDENTITY,),
    ),
)
