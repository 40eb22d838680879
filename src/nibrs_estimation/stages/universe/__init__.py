"""Universe: which agencies the estimates are for."""

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.results import UNIVERSE
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.universe.frame import define_universe

TASKS = (
    Task(name="define_universe", function=define_universe, reads=(AGENCY,), writes=(UNIVERSE,), parameters=(YEAR,)),
)
