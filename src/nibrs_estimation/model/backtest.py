"""Backtests: estimates of populations whose truth is known, and how good they are (handbook 13)."""

from nibrs_estimation.model.fields import GEOGRAPHY_NUMBER
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Rules of a backtest, and what they are.
RULES = {
    "program": "the program's own rules",
    "reference months": "the program's rules, but outlier months and missing months by the reference's",
    "reference benchmark": "the program's rules, but the benchmark by the reference's",
    "reference weights": "the program's rules, but weights, standard errors and intervals by the reference's, without "
    "corrections",
    "reference": "all of these by the reference's rules",
    "regression": "rule E: dispersion of regression residuals, by place",
    "second estimator": "counts of agencies that did not report are imputed, by all crime, population and officers",
    "ratio": "plain ratio estimation: the place's benchmark total times respondents' offenses over their benchmark",
    "population ratio": "no benchmark: offenses per resident of respondents by region and kind of place",
}
#: Levels of places, in the order of the page; `part` is a group of agencies of a nation, region or state.
LEVELS = ("nation", "region", "state", "field_office", "judicial_district", "msa", "university", "tribal", "part")
COUNT, PERCENTAGE, DIFFERENCE = "count", "percentage", "difference"

_PATTERN = Column("pattern_number", "str", "Number of the drawing of who responds, from 0001.")
_RULE = Column("rule", "str", "Rules of estimation: " + "; ".join(f"{k}: {v}" for k, v in RULES.items()) + ".")
_OUTCOME = Column("outcome", "str", "What is estimated, such as robbery, or robbery, less the next state.")
_MEASURE = Column(
    "measure",
    "str",
    "count: offenses; percentage: offenses per 100 of the first outcome; difference: offenses of one outcome or place "
    "less those of another.",
    codes=(COUNT, PERCENTAGE, DIFFERENCE),
)
_LEVEL = Column("level", "str", "Level of the place; part: a group of agencies of a place.", codes=LEVELS)

BACKTEST_ESTIMATE = Dataset(
    name="backtest_estimate",
    description="Estimates of a backtest beside the truth, for each pattern of response, rule, place and outcome.",
    source="handbook 13",
    primary_key=("pattern_number", "rule", "geography_number", "outcome", "measure"),
    partition_key="pattern_number",
    columns=(
        _PATTERN,
        _RULE,
        GEOGRAPHY_NUMBER,
        _LEVEL,
        Column("place", "str", "Name of the place; of a difference of two places, of the first."),
        _OUTCOME,
        _MEASURE,
        Column("truth", "float64", "The true number."),
        Column(
            "true_count",
            "float64",
            "The true number of offenses: size of the cell; of a difference, of both sides together.",
            unit="offenses",
        ),
        Column("estimate", "float64", "The estimate; missing if the place has no respondent.", is_nullable=True),
        Column("standard_error", "float64", "Its standard error; missing if unknown.", is_nullable=True),
        Column("lower_bound", "float64", "Lower end of its 95 % interval.", is_nullable=True),
        Column("upper_bound", "float64", "Upper end of its 95 % interval.", is_nullable=True),
        Column("eligible_agencies", "int32", "Agencies of the place, or of both places.", unit="agencies"),
        Column("responding_agencies", "int32", "Those that responded.", unit="agencies"),
    ),
)

BACKTEST_SCORE = Dataset(
    name="backtest_score",
    description="Bias, error, coverage and width of a backtest, by rule, level, outcome or size of cell.",
    source="handbook 13",
    primary_key=("rule", "measure", "level", "outcome", "size"),
    columns=(
        _RULE,
        _MEASURE,
        _LEVEL,
        Column("outcome", "str", "What is estimated; `all` for all outcomes."),
        Column("size", "str", "True offenses of the cells; `all` for all cells."),
        Column("cells", "int64", "Cells with a true number above 0, over all drawings.", unit="cells"),
        Column("without_interval", "int64", "Of these, cells without an estimate or interval.", unit="cells"),
        Column(
            "bias_pct",
            "float64",
            "Sum of the estimates over sum of the true numbers, less 1, in percent; of differences, sum of the errors "
            "over sum of the sizes.",
            is_nullable=True,
        ),
        Column(
            "rmse_pct",
            "float64",
            "Root mean square of the relative errors of a place over the patterns, in percent; median over places. "
            "Errors of differences are relative to the size of the cell.",
            is_nullable=True,
        ),
        Column(
            "mean_abs_error_pct",
            "float64",
            "Mean of the absolute relative errors of cells, in percent.",
            is_nullable=True,
        ),
        Column("coverage_pct", "float64", "Percentage of intervals that hold the truth.", is_nullable=True),
        Column(
            "coverage_error_pct",
            "float64",
            "Monte-Carlo standard error of the coverage: over patterns.",
            is_nullable=True,
        ),
        Column("above_pct", "float64", "Percentage of intervals of which the truth is above.", is_nullable=True),
        Column("below_pct", "float64", "Percentage of intervals of which the truth is below.", is_nullable=True),
        Column(
            "width_pct",
            "float64",
            "Width of the interval in percent of the truth, or of the size of a difference; median.",
            is_nullable=True,
        ),
        Column(
            "se_over_rmse",
            "float64",
            "Root of the mean square standard error over that of the errors; 1 if standard errors are right.",
            is_nullable=True,
        ),
    ),
)

DATASETS = (BACKTEST_ESTIMATE, BACKTEST_SCORE)
