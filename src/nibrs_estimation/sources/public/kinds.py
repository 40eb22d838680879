"""The kinds of public files. Commands and docs/user-guide/nation-from-public-data.md show this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_EXPLORER = 'Crime Data Explorer (https://cde.ucr.cjis.gov/), "Documents & Downloads"'
_CENSUS = "https://www2.census.gov/programs-surveys"


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: its name in JSON.
        title: its name in words.
        sign: how it is recognized. The name of a file does not matter.
        dating: the data years that a file serves: its own (``year``), its own and the four after it (``history``), all
            that it lists (``listed``), those of its vintage (``vintage``), its own and all later (``edition``), or
            any, as it has no year (``undated``).
        gives: what it tells.
        without: what follows for the estimates if it is missing.
        download: where it can be downloaded.
        size: how large it is.
        instead_of: name of the kind that it is not needed beside, or "": its absence is not named.
        is_as_good: whether that kind is not needed beside it either.
    """

    name: str
    title: str
    sign: str
    dating: Literal["year", "history", "listed", "vintage", "edition", "undated"]
    gives: str
    without: str
    download: str
    size: str
    instead_of: str = ""
    is_as_good: bool = False


NIBRS_MASTER = Kind(
    name="nibrs_master",
    title="NIBRS master file",
    sign="lines that begin with a batch header, BH (before 2013 B1)",
    dating="history",
    gives="all incidents; all agencies with type, residents by county, reported months and who is covered; "
    "arrests for Group B offenses by agency",
    without="Only states whose zips are here can be estimated, not the nation. Since 2021 zips cannot tell months "
    "without incidents from months without a report, and their arrests for Group B offenses name no agency and count "
    "unweighted. Without a zip there are no incidents: only the tables of summary counts are possible (flow srs, from "
    "Return A)",
    download=f"{_EXPLORER}, master files, NIBRS",
    size="0.5 GB as a zip, 5 GB of text",
)
STATE_ZIP = Kind(
    name="state_zip",
    title="zip of a state",
    sign="a zip with the tables of the Crime Data Explorer (agencies, nibrs_incident, ...)",
    dating="history",
    gives="incidents, reporting agencies and police employees of one state",
    without="Nothing, if there is a NIBRS master file",
    download=f"{_EXPLORER}, crime incident-based data by state",
    size="0.3 to 100 MB",
    instead_of=NIBRS_MASTER.name,
)
RETURN_A = Kind(
    name="return_a",
    title="Return A master file",
    sign="lines of 7,385 characters that begin with 1",
    dating="history",
    gives="counts of crimes by agency and month, also of agencies that send no incidents: the benchmark, and the "
    "tables of summary counts; all agencies with residents",
    without="There is no benchmark from summary reports: weights are calibrated to the agencies' own completed counts. "
    "Tables of summary counts (SRS1a, SRS1araw, SRS2a) rest on converted incidents alone. Beside state zips, residents "
    "of agencies that send no incidents are known only from police employees",
    download=f"{_EXPLORER}, master files, Return A; files of the four years before serve the benchmark, too",
    size="4 to 6 MB as a zip, 160 to 190 MB of text",
)
POLICE_EMPLOYEES = Kind(
    name="police_employees",
    title="police employees (table)",
    sign="a CSV with the columns data_year, ori, male_officer_ct and total_pe_ct",
    dating="listed",
    gives="officers and civilians by agency",
    without="Numbers of police employees are missing beside a NIBRS master file; state zips have those of reporting "
    "agencies. They tell "
    "which agencies are alike, and how large agencies without residents of their own are",
    download=f"{_EXPLORER}, additional datasets, law enforcement employees (lee_1960_YEAR.csv)",
    size="110 to 190 MB",
)
POLICE_EMPLOYEES_MASTER = Kind(
    name="police_employees_master",
    title="police employees (master file)",
    sign="lines of 7,689 characters that begin with 5",
    dating="year",
    gives="the same",
    without="Nothing, if there is the table",
    download=f"{_EXPLORER}, master files, police employees",
    size="about 200 MB of text",
    instead_of=POLICE_EMPLOYEES.name,
    is_as_good=True,
)
AGENCY_LIST = Kind(
    name="agency_list",
    title="list of agencies",
    sign="JSON or a CSV of agencies with ori, agency_name and is_nibrs (in 2018 nibrs)",
    dating="undated",
    gives="names, types and counties of agencies, and when each began with NIBRS, as of the day of the download",
    without="Names and types are those of the other files. Beside state zips without a Return A, agencies that send no "
    "incidents are not known, so estimates are for reporting agencies. A NIBRS master file has agencies and start "
    "dates of its own",
    download="https://api.usa.gov/crime/fbi/cde/agency/byStateAbbr/STATE?API_KEY=KEY, a free key of https://api.data.gov",
    size="3 MB",
)
COUNTY_PEOPLE = Kind(
    name="county_people",
    title="residents of counties (cc-est)",
    sign="a CSV with the columns SUMLEV, AGEGRP and NHTOM_MALE",
    dating="vintage",
    gives="residents by county, sex, age, race and Hispanic origin",
    without="There are no rates by sex, age, race and Hispanic origin; second estimator and item imputation do without "
    "the composition of residents. Rates of all residents remain",
    download=f"{_CENSUS}/popest/datasets/, counties/asrh/cc-estV-alldata.csv; vintage V of the data year or the next",
    size="220 MB for the nation, 0.3 to 16 MB for a state",
)
SINGLE_YEARS = Kind(
    name="single_years",
    title="residents by single years of age (syasex)",
    sign="a CSV with the columns STATE, COUNTY, YEAR, AGE, TOT_POP, TOT_MALE and TOT_FEMALE",
    dating="vintage",
    gives="how residents of 10 to 19 years divide into the age bins 5 to 11, 12 to 14, 15, 16, 17 and 18 to 24",
    without="A fifth of the residents of 10 to 14 and of 15 to 19 years is assumed to be of each year of age: rates of "
    "these ages are less exact",
    download=f"{_CENSUS}/popest/datasets/, counties/asrh/cc-estV-syasex.csv; the vintage of the other file",
    size="30 to 90 MB for the nation",
)
METROPOLITAN_AREAS = Kind(
    name="metropolitan_areas",
    title="metropolitan areas (list1)",
    sign="a workbook or CSV with the columns CBSA Code, CBSA Title and FIPS County Code",
    dating="edition",
    gives="the metropolitan area and division of each county",
    without="There are no estimates for metropolitan areas and divisions. Nation, regions and states remain",
    download=f"{_CENSUS}/metro-micro/geographies/reference-files/, list1; the latest of the data year or before",
    size="0.1 to 0.5 MB",
)
#: In the order of use. Files are recognized in this order, too.
KINDS = (
    NIBRS_MASTER, STATE_ZIP, RETURN_A, POLICE_EMPLOYEES, POLICE_EMPLOYEES_MASTER, AGENCY_LIST, COUNTY_PEOPLE,
    SINGLE_YEARS, METROPOLITAN_AREAS,
)  # fmt: skip
