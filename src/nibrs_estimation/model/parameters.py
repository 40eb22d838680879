"""Choices of methods. The settings and their text in `nibrs run --help` are generated from these."""

from __future__ import annotations

from nibrs_estimation.pipeline.parameter import Parameter

OUTLIER_RULE = Parameter(
    "outlier_rule",
    "Rule for outlier months: the conditions as intended, with high months compared with the last two years (recent) "
    "or with all five (intended); or as executed by the reference pipeline.",
    choices=("recent", "intended", "reference"),
    default="recent",
)
COUNT_MODE = Parameter(
    "count_mode",
    "What is counted in a table category: each unit once, or each of its records as in the reference pipeline.",
    choices=("indicator", "records"),
    default="indicator",
)

MONTH_RULE = Parameter(
    "month_rule",
    "How missing months are filled: from the agency's own months, or with whole months of a donor as in the reference "
    "pipeline.",
    choices=("own_months", "reference"),
    default="own_months",
)

BENCHMARK_RULE = Parameter(
    "benchmark_rule",
    "What an agency's benchmark is: its own months before those of any donor, all brought to the data year; or as in "
    "the reference pipeline.",
    choices=("own_first", "reference"),
    default="own_first",
)

CONTROL_RULE = Parameter(
    "control_rule",
    "How totals are estimated: by the ratio to the known benchmark of each column, with very large nonrespondents "
    "apart before weight groups are merged; or as sums with calibration weights, as in the reference pipeline.",
    choices=("corrected", "reference"),
    default="corrected",
)

VARIANCE_RULE = Parameter(
    "variance_rule",
    "Standard errors and intervals: of the prediction of what was not reported; or of the linearized sample, as in the "
    "reference pipeline.",
    choices=("prediction", "reference"),
    default="prediction",
)

SECOND_ESTIMATOR = Parameter(
    "second_estimator",
    "How nonrespondents are imputed for the second estimate, which shows how far weights may be off: from agencies "
    "that are alike, as ratios to the benchmark (sound); as counts, from residents, as in the reference pipeline, for "
    "base cells only; or not at all (none).",
    choices=("sound", "reference", "none"),
    default="sound",
)

BIAS_RULE = Parameter(
    "bias_rule",
    "What enters the root mean squared error of counts and rates beside the standard error: the whole difference of "
    "both estimates, or what is left of its square without the variance of the difference, which takes about seven "
    "times as long to estimate.",
    choices=("difference", "less_variance"),
    default="difference",
)

SMALL_COUNT = Parameter(
    "small_count",
    "The smallest count that is published: smaller ones, with their percentages and rates, are marked as suppressed.",
    choices=("off", "3", "5", "10"),
    default="off",
)

QUALITY_RULE = Parameter(
    "quality_rule",
    "What a failed hard quality check does: it is reported, or the run fails when everything else is computed.",
    choices=("report", "stop"),
    default="report",
)

ITEM_METHOD = Parameter(
    "item_method",
    "How items that are blank are imputed: from donors of the same offense who are alike (donors); with predictors, "
    "draws and donors of the reference pipeline; or not at all, as reported (none).",
    choices=("donors", "reference", "none"),
    default="donors",
)
ITEM_CYCLES = Parameter(
    "item_cycles",
    "Rounds of the chained equations of item imputation: 5, or 15 as in the reference pipeline.",
    choices=("5", "15"),
    default="5",
)

IMPUTATIONS = Parameter(
    "imputations",
    "How often flow `imputations` imputes all items anew.",
    choices=("2", "5", "10", "20"),
    default="5",
)

METHOD_PARAMETERS = (
    OUTLIER_RULE,
    MONTH_RULE,
    BENCHMARK_RULE,
    CONTROL_RULE,
    VARIANCE_RULE,
    SECOND_ESTIMATOR,
    BIAS_RULE,
    ITEM_METHOD,
    ITEM_CYCLES,
    IMPUTATIONS,
    COUNT_MODE,
    SMALL_COUNT,
    QUALITY_RULE,
)
#: What is chosen where nothing is set.
METHOD_DEFAULTS = {parameter.name: parameter.default for parameter in METHOD_PARAMETERS}
