"""Universe: the agencies of the data year and their eligibility."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.universe import POLICE_EMPLOYEES, UNIVERSE
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import SEED, YEAR, Task
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.stages.universe.officers import impute_officers
from nibrs_estimation.stages.universe.reference_files import (
    write_missing_months,
    write_msa_by_provider,
    write_ref_agency,
    write_reta_mm,
)

REF_AGENCY = Document("ref_agency.csv", "The universe of the data year, in the reference pipeline's layout.")
RETA_MM = Document("reta_mm.csv", "Months and Return A counts by agency, in the reference pipeline's layout.")
MSA_BY_PROVIDER = Document("cius_msa_by_provider.csv", "Agencies in metropolitan areas, in the reference's layout.")
MISSING_MONTHS = Document("missing_months.csv", "Months of incident reports by agency, in the reference's layout.")

TASKS = (
    Task(
        name="define_universe",
        function=define_universe,
        reads=(AGENCY, AGENCY_MONTH_OFFENSE),
        writes=(UNIVERSE,),
        parameters=(YEAR,),
        tolerates=(AGENCY_MONTH_OFFENSE,),
    ),
    Task(
        name="impute_officers",
        function=impute_officers,
        reads=(AGENCY, REPORT_MONTH, SRS_MONTH, AGENCY_MONTH_OFFENSE),
        writes=(POLICE_EMPLOYEES,),
        parameters=(YEAR, SEED),
        tolerates=(AGENCY_MONTH_OFFENSE,),
        memory="medium",
    ),
)

#: The files of the reference pipeline, for comparison.
REFERENCE_TASKS = (
    Task(name="write_ref_agency", function=write_ref_agency, reads=(AGENCY,), writes=(REF_AGENCY,), parameters=(YEAR,)),
    Task(
        name="write_reta_mm",
        function=write_reta_mm,
        reads=(AGENCY, REPORT_MONTH, SRS_MONTH),
        writes=(RETA_MM,),
        parameters=(YEAR,),
    ),
    Task(
        name="write_msa_by_provider",
        function=write_msa_by_provider,
        reads=(AGENCY,),
        writes=(MSA_BY_PROVIDER,),
        parameters=(YEAR,),
    ),
    Task(
        name="write_missing_months",
        function=write_missing_months,
        reads=(AGENCY, REPORT_MONTH),
        writes=(MISSING_MONTHS,),
        parameters=(YEAR,),
    ),
)
