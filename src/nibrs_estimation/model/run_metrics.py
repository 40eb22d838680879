"""Metrics of runs: time, processor time, memory, rows and end of every unit, task and run."""

from nibrs_estimation.pipeline.dataset import Column, Dataset

_RUN = Column("run_id", "str", "Name of the run.")
_FLOW = Column("flow", "str", "Flow of the run.")
_TASK = Column("task", "str", "Name of the task.")
_CPU = Column(
    "cpu_s",
    "float64",
    "Processor time of all threads of the process; missing if the version of the program did not record it.",
    unit="seconds",
    is_nullable=True,
)
_PEAK = Column("peak_memory_bytes", "int64", "Maximum resident memory of the process.", unit="bytes", is_nullable=True)
_ROWS = Column("n_rows", "int64", "Rows that were written.", unit="rows")
_DURATION = Column("duration_s", "float64", "Wall time; of several units, its sum.", unit="seconds")
_UNITS = Column("n_units", "int32", "Units of work.", unit="units")
_FAILED = Column("n_failed", "int32", "Units whose last attempt failed.", unit="units")

RUN_HISTORY = Dataset(
    name="run_history",
    description="The flows of runs: source, times and state of each.",
    source="run_metadata.json of each run",
    primary_key=("run_id", "flow"),
    columns=(
        _RUN,
        _FLOW,
        Column("state", "str", "State after the last command.", codes=("running", "stopped", "failed", "finished")),
        Column("started", "timestamp", "Start of the last command, UTC.", is_nullable=True),
        Column("ended", "timestamp", "Its end, UTC.", is_nullable=True),
        Column("data_source", "str", "Source of the run.", is_nullable=True),
        Column("data_year", "int16", "Data year.", is_nullable=True),
        Column("is_synthetic", "bool", "Whether the data are synthetic.", is_nullable=True),
        Column("code_version", "str", "Version of the program that ran it last.", is_nullable=True),
    ),
)

UNIT_METRIC = Dataset(
    name="unit_metric",
    description="Time, processor time, memory, rows and end of each unit of work of runs.",
    source="manifests and progress.jsonl of each run",
    primary_key=("run_id", "flow", "task", "unit"),
    columns=(
        _RUN,
        _FLOW,
        _TASK,
        Column("unit", "str", "The task, with its part if it has parts, such as count_units[VT]."),
        Column(
            "state",
            "str",
            "How its last attempt ended; done also if a later command kept it.",
            codes=("done", "failed", "blocked", "waiting", "running"),
        ),
        Column("started", "timestamp", "When it started, UTC.", is_nullable=True),
        Column("duration_s", "float64", "Wall time; 0 if it did not run.", unit="seconds"),
        _CPU,
        _PEAK,
        Column(
            "peak_memory_of",
            "str",
            "task, or process where other units ran in the process at the same time.",
            codes=("task", "process"),
            is_nullable=True,
        ),
        _ROWS,
        Column("engine", "str", "The engine that ran it.", is_nullable=True),
        Column("message", "str", "Why it failed or was blocked.", is_nullable=True),
    ),
)

TASK_METRIC = Dataset(
    name="task_metric",
    description="Time, processor time, memory, rows and failures of each task of runs.",
    source="unit_metric",
    primary_key=("run_id", "flow", "task"),
    columns=(_RUN, _FLOW, _TASK, _UNITS, _FAILED, _DURATION, _CPU, _PEAK, _ROWS),
)

RUN_METRIC = Dataset(
    name="run_metric",
    description="Time, processor time, memory, rows and failures of each run.",
    source="run_history, unit_metric",
    primary_key=("run_id", "flow"),
    columns=(*RUN_HISTORY.columns, _UNITS, _FAILED, _DURATION, _CPU, _PEAK, _ROWS),
)
DATASETS = (RUN_HISTORY, UNIT_METRIC, TASK_METRIC, RUN_METRIC)
