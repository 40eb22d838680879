"""What backtests estimate: groups of offense codes."""

from __future__ import annotations

from nibrs_estimation.model.benchmark import PROPERTY, VIOLENT
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME

#: Outcome -> its offense codes. The first is the base of percentages.
OUTCOMES: dict[str, tuple[str, ...]] = {
    "Part I offenses": tuple(code for crime in (*VIOLENT, *PROPERTY) for code in OFFENSES_OF_CRIME[crime]),
    "violent crime": tuple(code for crime in VIOLENT for code in OFFENSES_OF_CRIME[crime]),
    "property crime": tuple(code for crime in PROPERTY for code in OFFENSES_OF_CRIME[crime]),
    "murder": OFFENSES_OF_CRIME["murder"],
    "manslaughter": OFFENSES_OF_CRIME["manslaughter"],
    "rape": OFFENSES_OF_CRIME["rape"],
    "robbery": OFFENSES_OF_CRIME["robbery"],
    "aggravated assault": OFFENSES_OF_CRIME["aggravated_assault"],
    "simple assault": OFFENSES_OF_CRIME["simple_assault"],
    "burglary": OFFENSES_OF_CRIME["burglary"],
    "larceny": OFFENSES_OF_CRIME["larceny"],
    "vehicle theft": OFFENSES_OF_CRIME["vehicle_theft"],
    # The benchmark does not hold these.
    "fraud": ("26A", "26B", "26C", "26D", "26E", "26F", "26G", "26H"),
    "vandalism": ("290",),
    "drug offenses": ("35A", "35B"),
    "weapon law violations": ("520", "521", "522", "526"),
    "kidnapping": ("100",),
    "human trafficking": ("64A", "64B"),
}
BASE = next(iter(OUTCOMES))
#: Outcomes of a place that are compared, the first less the second. No offense is in both.
COMPARED_OUTCOMES = (
    ("burglary", "vehicle theft"),
    ("aggravated assault", "robbery"),
    ("larceny", "simple assault"),
)
#: Outcomes that are compared between places.
OUTCOMES_OF_TWO_PLACES = ("violent crime", "robbery", "burglary")
#: Outcomes that the benchmark holds -> the column of dataset ``weighting_frame``.
BENCHMARK_OF = {
    "Part I offenses": "n_total",
    "violent crime": "n_violent",
    "property crime": "n_property",
    "murder": "n_murder",
    "manslaughter": "n_manslaughter",
    "rape": "n_rape",
    "robbery": "n_robbery",
    "aggravated assault": "n_aggravated_assault",
    "simple assault": "n_simple_assault",
    "burglary": "n_burglary",
    "larceny": "n_larceny",
    "vehicle theft": "n_vehicle_theft",
}
