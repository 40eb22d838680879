"""Coverage: the agencies and residents behind each geography."""

from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_REFERENCE
from nibrs_estimation.model.completeness import REPORTING_STATUS
from nibrs_estimation.model.counties import COUNTY_COUNT, COUNTY_COVERAGE
from nibrs_estimation.model.counts import INCIDENT_PROFILE, PROFILE_COUNT, PROFILE_SIGNATURE, UNIT_PROFILE
from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION, GEOGRAPHY, SUMMARY_GEOGRAPHY
from nibrs_estimation.model.parameters import VARIANCE_RULE
from nibrs_estimation.model.universe import POLICE_EMPLOYEES, UNIVERSE
from nibrs_estimation.model.weights import AGENCY_WEIGHT, WEIGHT_CELL
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, YEAR, Task
from nibrs_estimation.stages.coverage.counties import count_counties, describe_counties, write_counties
from nibrs_estimation.stages.coverage.coverage import measure_coverage, measure_summary_coverage
from nibrs_estimation.stages.coverage.geographies import list_geographies, list_nation
from nibrs_estimation.stages.coverage.populations import measure_populations

_POPULATIONS = Task(
    name="measure_populations",
    function=measure_populations,
    reads=(COVERAGE, AGENCY_WEIGHT, WEIGHTING_FRAME, AGENCY_COUNTY, COUNTY_POPULATION, POLICE_EMPLOYEES),
    writes=(GEOGRAPHY_POPULATION,),
    parameters=(YEAR,),
)
TASKS = (
    Task(
        name="measure_coverage",
        function=measure_coverage,
        reads=(UNIVERSE, WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL, GEOGRAPHY, AGENCY_COUNTY, REPORTING_STATUS),
        writes=(COVERAGE,),
        parameters=(YEAR, VARIANCE_RULE),
    ),
    _POPULATIONS,
)
COUNTIES_CSV = Document(
    "counties.csv", "Counties: agencies, residents, coverage, flags, and the incidents that respondents counted."
)
#: Counties, which have no weights of their own.
COUNTY_TASKS = (
    Task(
        name="describe_counties",
        function=describe_counties,
        reads=(UNIVERSE, WEIGHTING_FRAME, AGENCY_COUNTY),
        writes=(COUNTY_COVERAGE,),
        parameters=(YEAR,),
    ),
    Task(
        name="count_counties",
        function=count_counties,
        reads=(
            WEIGHTING_FRAME,
            AGENCY_COUNTY,
            UNIT_PROFILE,
            PROFILE_SIGNATURE,
            PROFILE_COUNT,
            INCIDENT_PROFILE,
            BLOCK_REFERENCE,
        ),
        writes=(COUNTY_COUNT,),
        parameters=(YEAR,),
        memory="medium",
    ),
    Task(
        name="write_counties",
        function=write_counties,
        reads=(COUNTY_COVERAGE, COUNTY_COUNT),
        writes=(COUNTIES_CSV,),
        parameters=(IDENTITY,),
    ),
)
#: The same for summary estimates.
_COVERAGE = (
    Task(
        name="measure_summary_coverage",
        function=measure_summary_coverage,
        reads=(
            UNIVERSE,
            WEIGHTING_FRAME,
            AGENCY_WEIGHT,
            WEIGHT_CELL,
            SUMMARY_GEOGRAPHY,
            AGENCY_COUNTY,
            REPORTING_STATUS,
        ),
        writes=(COVERAGE,),
        parameters=(YEAR, VARIANCE_RULE),
    ),
    _POPULATIONS,
)
SUMMARY_TASKS = (
    Task(
        name="list_geographies",
        function=list_geographies,
        reads=(AGENCY_COUNTY,),
        writes=(SUMMARY_GEOGRAPHY,),
        parameters=(YEAR,),
    ),
    *_COVERAGE,
)
#: The same of the nation alone.
NATION_TASKS = (
    Task(name="list_nation", function=list_nation, writes=(SUMMARY_GEOGRAPHY,)),
    *_COVERAGE,
)
