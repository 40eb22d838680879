"""What the estimates of a run are made of, from its datasets."""

from __future__ import annotations

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_REFERENCE
from nibrs_estimation.model.counts import INCIDENT_PROFILE, PROFILE_COUNT, PROFILE_SIGNATURE, UNIT_PROFILE
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.parameters import CONTROL_RULE
from nibrs_estimation.model.weights import AGENCY_WEIGHT, CALIBRATION_VARIABLE, WEIGHT_CELL
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.survey.basis import AgencyAttributes, Basis, Survey, estimation_basis
from nibrs_estimation.tables.matrices.profiles import CountedProfiles
from nibrs_estimation.tables.series import is_of_level

_COUNTS = (UNIT_PROFILE, PROFILE_SIGNATURE, PROFILE_COUNT, INCIDENT_PROFILE)
_SURVEY = (COVERAGE, WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL, CALIBRATION_VARIABLE)
_NEEDED = (*_COUNTS, *_SURVEY, BLOCK_REFERENCE, AGENCY, AGENCY_COUNTY)


def basis_of(run: EstimatedRun, level: str | None) -> Basis:
    """What the estimates of a run are made of; with a level, of the geographies of its series.

    Raises:
        UsageError: the run no longer has the datasets that are needed.
    """
    gone = [dataset.name for dataset in _NEEDED if not run.has(dataset)]
    if gone:
        raise UsageError(
            f"Run {run.run_id} has no {', '.join(gone)} here, from which its estimates are made: its own folder in "
            "SCRATCH_DIR has them, not what it published. Run it again, or restore it from its archive."
        )
    coverage, *weights = (run.read(dataset) for dataset in _SURVEY)
    attributes = None
    if level is None:
        attributes = AgencyAttributes(run.read(AGENCY), run.read(AGENCY_COUNTY), run.year)
    return estimation_basis(
        Survey(coverage if level is None else coverage.filter(is_of_level(level)), *weights),
        CountedProfiles(*(run.read(dataset) for dataset in _COUNTS)),
        run.read(BLOCK_REFERENCE),
        attributes,
        "reference" if run.choices[CONTROL_RULE.name] == "reference" else "corrected",
        "reference" if run.variance_rule() == "reference" else "prediction",
    )
