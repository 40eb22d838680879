"""The flows, by name."""

from __future__ import annotations

from nibrs_estimation.evaluate import imputation_tasks
from nibrs_estimation.evaluate import tasks as backtest
from nibrs_estimation.metrics import tasks as metrics
from nibrs_estimation.metrics.history import FLOW as FLOW_METRICS
from nibrs_estimation.model import geography
from nibrs_estimation.model import summary as summary_model
from nibrs_estimation.model.accounting import INCIDENT_ACCOUNT, UNLISTED_OFFENSE
from nibrs_estimation.model.agency import SRS_MONTH
from nibrs_estimation.model.backtest import BACKTEST_ESTIMATE, BACKTEST_SCORE
from nibrs_estimation.model.contract import CONTRACT_CHECK
from nibrs_estimation.model.counties import COUNTY_COUNT, COUNTY_COVERAGE
from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import (
    AGENCY_BEYOND_RESPONDENTS,
    CELL_ESTIMATE,
    CELL_GAP,
    GEOGRAPHY_QUALITY,
    SERIES_ESTIMATE,
)
from nibrs_estimation.model.grants import GOVERNMENT, GRANT_FLAG, GRANT_YEAR
from nibrs_estimation.model.headlines import HEADLINE, HEADLINE_ERROR, YEAR_CHANGE
from nibrs_estimation.model.imputations import IMPUTATION_CHECK
from nibrs_estimation.model.items import AGENCY_ITEM_CHECK, ITEM_CHECK
from nibrs_estimation.model.public import SOURCE_CONFLICT, UNIVERSE_ACCOUNT
from nibrs_estimation.model.summary import (
    CONVERSION_DIFFERENCE,
    REPORT_ISSUE,
    SUMMARY_AGENCY,
    SUMMARY_ISSUE,
    SUMMARY_REPORT,
    SUMMARY_YEAR,
)
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.sources.grant_runs import YEAR_FLOW
from nibrs_estimation.sources.intake.manifest import INTAKE_MANIFEST
from nibrs_estimation.sources.public.page import PUBLIC_PAGE
from nibrs_estimation.sources.ucr_prd import contract
from nibrs_estimation.stages import (
    accounting,
    benchmark,
    block_imputation,
    completeness,
    counting,
    coverage,
    estimation,
    item_imputation,
    outliers,
    publication,
    smoketest,
    summary,
    universe,
    validation,
    weighting,
)

#: The stages of summary estimates, on what the stages of incidents say of agencies and months.
SUMMARY_TASKS = (
    *universe.TASKS,
    *completeness.TASKS,
    *outliers.TASKS,
    *(task for task in block_imputation.TASKS if task.name in ("judge_months", "fill_months")),
    *summary.TASKS,
    *benchmark.SUMMARY_TASKS,
    *weighting.SUMMARY_TASKS,
    *coverage.SUMMARY_TASKS,
    *estimation.SUMMARY_TASKS,
    *publication.SUMMARY_TASKS,
)
#: The same for one year of a long series: the nation alone, and all incidents that an agency has.
SERIES_TASKS = (
    *universe.TASKS,
    *completeness.TASKS,
    *outliers.TASKS,
    *(task for task in block_imputation.TASKS if task.name in ("judge_months", "fill_months")),
    summary.ACCEPT,
    *summary.TASKS,
    *(task for task in benchmark.SUMMARY_TASKS if task.name == "build_summary_frame"),
    *weighting.NATION_TASKS,
    *coverage.NATION_TASKS,
    *estimation.SUMMARY_TASKS,
    *publication.SUMMARY_TASKS,
)
#: Without these the summary estimates lack something; other optional datasets change nothing in them.
SUMMARY_OPTIONAL = tuple(
    dataset
    for dataset in (*geography.OPTIONAL, *summary_model.OPTIONAL)
    if any(dataset in task.reads for task in SUMMARY_TASKS)
)
SUMMARY_PUBLISHES = (
    CELL_ESTIMATE,
    CELL_GAP,
    COVERAGE,
    GEOGRAPHY_POPULATION,
    GEOGRAPHY_QUALITY,
    SUMMARY_REPORT,
    SUMMARY_AGENCY,
    SUMMARY_YEAR,
    REPORT_ISSUE,
    SUMMARY_ISSUE,
    weighting.TABLE_A_CSV,
    publication.ESTIMATES_CSV,
    publication.ESTIMATES_DUCKDB,
    publication.WORKBOOKS_ZIP,
    publication.DEFINITIONS_CSV,
    publication.README_TXT,
    publication.REPORT,
    summary.CONVERSION_PAGE,
    CONVERSION_DIFFERENCE,
    INTAKE_MANIFEST,
)

FLOWS = {
    flow.name: flow
    for flow in (
        Flow(
            name="all",
            description="From incident files to published estimates with standard errors.",
            tasks=(
                *universe.TASKS,
                *completeness.TASKS,
                *outliers.TASKS,
                *block_imputation.TASKS,
                *validation.TASKS,
                *benchmark.TASKS,
                *weighting.TASKS,
                *coverage.TASKS,
                *item_imputation.TASKS,
                *accounting.TASKS,
                *counting.TASKS,
                *coverage.COUNTY_TASKS,
                *estimation.TASKS,
                *publication.TASKS,
            ),
            publishes=(
                CELL_ESTIMATE,
                SERIES_ESTIMATE,
                CELL_GAP,
                COVERAGE,
                GEOGRAPHY_POPULATION,
                GEOGRAPHY_QUALITY,
                AGENCY_BEYOND_RESPONDENTS,
                HEADLINE,
                HEADLINE_ERROR,
                YEAR_CHANGE,
                weighting.TABLE_A_CSV,
                publication.ESTIMATES_CSV,
                publication.ESTIMATES_DUCKDB,
                publication.WORKBOOKS_ZIP,
                publication.DEFINITIONS_CSV,
                publication.README_TXT,
                publication.REPORT,
                *validation.PAGES,
                *validation.QUALITY_FILES,
                validation.WARNINGS_CSV,
                validation.QUALITY_VERDICT,
                accounting.ACCOUNT_JSON,
                accounting.AGENCIES_CSV,
                coverage.COUNTIES_CSV,
                COUNTY_COVERAGE,
                COUNTY_COUNT,
                ITEM_CHECK,
                AGENCY_ITEM_CHECK,
                INCIDENT_ACCOUNT,
                UNLISTED_OFFENSE,
                PUBLIC_PAGE,
                SOURCE_CONFLICT,
                UNIVERSE_ACCOUNT,
                INTAKE_MANIFEST,
            ),
            optional=geography.OPTIONAL,
        ),
        Flow(
            name="srs",
            description="Summary estimates: Part I offenses from incidents and Return A together.",
            tasks=SUMMARY_TASKS,
            publishes=SUMMARY_PUBLISHES,
            optional=SUMMARY_OPTIONAL,
            takes_summaries=True,
            first_year=summary.FIRST_YEAR,
        ),
        Flow(
            name="srs_30",
            description="Summary estimates of the nation for one year of a long series, from 1993 on.",
            tasks=SERIES_TASKS,
            publishes=SUMMARY_PUBLISHES,
            optional=SUMMARY_OPTIONAL,
            takes_summaries=True,
            first_year=summary.FIRST_YEAR,
        ),
        Flow(
            name=YEAR_FLOW,
            description="Counts of one year for grants, without the hierarchy rule; flow bjs_grant joins the years.",
            tasks=summary.GRANT_YEAR_TASKS,
            publishes=(GRANT_YEAR, GRANT_FLAG, REPORT_ISSUE, INTAKE_MANIFEST),
            optional=(SRS_MONTH, geography.AGENCY_COUNTY, geography.JUDICIAL_DISTRICT, *summary_model.OPTIONAL),
        ),
        Flow(
            name="bjs_grant",
            description="BJS_Grant.csv: counts of several years for grants, from runs of flow grant_year.",
            tasks=summary.GRANT_TASKS,
            publishes=(summary.BJS_GRANT,),
            optional=(GOVERNMENT,),
        ),
        Flow(
            name="backtest",
            description="How good the estimates are where the truth is known; `nibrs backtest` runs it.",
            tasks=backtest.TASKS,
            publishes=(BACKTEST_SCORE, BACKTEST_ESTIMATE, backtest.BACKTEST_PAGE),
        ),
        Flow(
            name="imputations",
            description="Impute items several times, and compare what that adds to the variance with the closed form.",
            tasks=(
                *universe.TASKS,
                *completeness.TASKS,
                *outliers.TASKS,
                *block_imputation.TASKS,
                *benchmark.TASKS,
                *weighting.TASKS,
                *coverage.TASKS,
                *item_imputation.TASKS,
                *counting.TASKS,
                *(task for task in estimation.TASKS if task.name == "estimate_cells"),
                *imputation_tasks.TASKS,
            ),
            publishes=(IMPUTATION_CHECK, imputation_tasks.IMPUTATION_PAGE),
            optional=geography.OPTIONAL,
        ),
        Flow(
            name=FLOW_METRICS,
            description="Time, memory and rows of earlier runs, compared; `nibrs metrics` runs it.",
            tasks=metrics.TASKS,
            publishes=(metrics.METRICS_PAGE, *metrics.METRICS_FILES),
        ),
        Flow(
            name="reference_files",
            description="Universe, RETA-MM, imputed items and other files as the reference pipeline has them.",
            tasks=(
                *universe.REFERENCE_TASKS,
                *completeness.TASKS,
                *outliers.TASKS,
                *universe.TASKS,
                *block_imputation.TASKS,
                *item_imputation.TASKS,
                *item_imputation.REFERENCE_TASKS,
            ),
            publishes=(
                universe.REF_AGENCY,
                universe.RETA_MM,
                universe.MSA_BY_PROVIDER,
                universe.MISSING_MONTHS,
                item_imputation.ITEM_FILES,
            ),
            optional=geography.OPTIONAL,
        ),
        Flow(
            name="contract",
            description="Checks of the FBI's database against its declaration, with the rows that break a rule.",
            tasks=contract.TASKS,
            publishes=(
                CONTRACT_CHECK,
                contract.CONTRACT_PAGE,
                *contract.CONTRACT_FILES,
                contract.CONTRACT_VERDICT,
            ),
            reads_source_as=contract.as_contract,
        ),
        Flow(
            name="smoketest",
            description="Checks that database, source, scratch folder and stores work in this installation.",
            tasks=(*universe.TASKS, *smoketest.TASKS),
            publishes=(smoketest.REPORT,),
        ),
    )
}


def find_flow(name: str) -> Flow:
    """A flow by its name.

    Raises:
        UsageError: there is no such flow.
    """
    if name not in FLOWS:
        raise UsageError(f"There is no flow {name!r}. The flows are: {', '.join(FLOWS)}.")
    return FLOWS[name]
