"""Tasks of the flow `backtest` that follow the drawings."""

from nibrs_estimation.evaluate.page import PAGE, write_backtest_page
from nibrs_estimation.evaluate.scores import score_backtest
from nibrs_estimation.model.backtest import BACKTEST_ESTIMATE, BACKTEST_SCORE
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, Task

BACKTEST_PAGE = Document(PAGE, "How good the estimates of a population with known truth are, by level and outcome.")
TASKS = (
    Task(name="score_backtest", function=score_backtest, reads=(BACKTEST_ESTIMATE,), writes=(BACKTEST_SCORE,)),
    Task(
        name="write_backtest_page",
        function=write_backtest_page,
        reads=(BACKTEST_SCORE, BACKTEST_ESTIMATE),
        writes=(BACKTEST_PAGE,),
        parameters=(IDENTITY,),
    ),
)
