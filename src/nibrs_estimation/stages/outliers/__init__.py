"""Outliers: months whose number of offenses is unusual in the agency's own series."""

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.completeness import AGENCY_MONTH
from nibrs_estimation.model.outliers import OUTLIER_AGENCY, OUTLIER_MONTH
from nibrs_estimation.model.parameters import OUTLIER_RULE
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.outliers.detect import detect_outliers

TASKS = (
    Task(
        name="detect_outliers",
        function=detect_outliers,
        reads=(AGENCY, AGENCY_MONTH),
        writes=(OUTLIER_AGENCY, OUTLIER_MONTH),
        parameters=(YEAR, OUTLIER_RULE),
        memory="medium",
    ),
)
