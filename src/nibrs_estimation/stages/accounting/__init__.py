"""Accounting: whether each incident that was read is in the estimates, and what each agency reported."""

from nibrs_estimation.model.accounting import INCIDENT_ACCOUNT, UNLISTED_OFFENSE
from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.completeness import REPORTING_STATUS
from nibrs_estimation.model.incident import ARRESTEE, INCIDENT, OFFENSE
from nibrs_estimation.model.intake import INTAKE_COUNT, NEW_OFFENSE
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.model.weights import AGENCY_WEIGHT
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, PARTITION, YEAR, Task
from nibrs_estimation.stages.accounting.agencies import write_agencies
from nibrs_estimation.stages.accounting.records import account_for_incidents
from nibrs_estimation.stages.accounting.summary import write_account

ACCOUNT_JSON = Document(
    "incident_account.json", "Incidents read = in the estimates + left out, by reason, in numbers and words."
)
AGENCIES_CSV = Document(
    "agencies.csv", "Every agency: its months, whom it was filled from, weights, and what it reported."
)

TASKS = (
    Task(
        name="account_for_incidents",
        function=account_for_incidents,
        reads=(
            INCIDENT,
            OFFENSE,
            ARRESTEE,
            UNIVERSE,
            WEIGHTING_FRAME,
            AGENCY_WEIGHT,
            REMOVED_MONTH,
            INTAKE_COUNT,
        ),
        writes=(INCIDENT_ACCOUNT, UNLISTED_OFFENSE),
        parameters=(YEAR, PARTITION),
        partition_by="state_abbr",
        memory="medium",
    ),
    Task(
        name="write_account",
        function=write_account,
        reads=(INCIDENT_ACCOUNT, UNLISTED_OFFENSE),
        writes=(ACCOUNT_JSON,),
        parameters=(IDENTITY,),
    ),
    Task(
        name="write_agencies",
        function=write_agencies,
        reads=(
            AGENCY,
            UNIVERSE,
            REPORTING_STATUS,
            BLOCK_REFERENCE,
            REMOVED_MONTH,
            WEIGHTING_FRAME,
            AGENCY_WEIGHT,
            AGENCY_MONTH_OFFENSE,
            NEW_OFFENSE,
            INCIDENT_ACCOUNT,
        ),
        writes=(AGENCIES_CSV,),
        parameters=(YEAR, IDENTITY),
    ),
)
