"""The territory as every service knows it."""

from shared.actor import JURISDICTION
from shared.territory import (
    ACADEMIES,
    ACADEMY_CODES,
    DIRECTORATES,
    MINISTRY_ID,
    NETWORK_ID,
    OFFICES,
    PROVINCES,
    belongs,
    codes_of,
    directorates_of,
    jurisdiction_of,
)


def test_there_are_12_academies_75_provinces_and_82_directorates() -> None:
    assert list(ACADEMY_CODES) == [f"MA-{number:02}" for number in range(1, 13)]
    assert len(PROVINCES) == 75
    assert len(DIRECTORATES) == 82
    assert {each.academy for each in DIRECTORATES.values()} == set(ACADEMY_CODES)


def test_every_province_has_a_directorate_and_casablanca_has_eight() -> None:
    counts = {code: len(directorates_of(code)) for code in PROVINCES}
    assert counts.pop("MA-CAS") == 8
    assert set(counts.values()) == {1}


def test_a_directorate_lies_in_the_region_of_its_academy() -> None:
    assert all(belongs(each.province, each.academy) for each in DIRECTORATES.values())


def test_nouaceur_belongs_to_casablanca_settat_and_chtouka_to_souss_massa() -> None:
    assert PROVINCES["MA-NOU"].academy == "MA-06"
    assert PROVINCES["MA-CHT"].academy == "MA-09"
    assert not belongs("MA-NOU", "MA-04")


def test_institutions_keep_their_ids_for_ever() -> None:
    assert str(MINISTRY_ID) == "25b8bf7b-039f-58f0-88ab-8b602e47ad5a"
    assert str(NETWORK_ID) == "a4617181-6bc2-5c3d-8ff6-08bd93c7e890"
    assert str(ACADEMIES["MA-06"].organisation_id) == "d9c501e2-5925-5259-baf2-1d83a69ea82f"
    assert str(DIRECTORATES["DP-CAS-ANFA"].organisation_id) == "edd8dd59-deb2-5c25-92d3-0cb51a669363"
    offices = OFFICES.values()
    assert len({MINISTRY_ID, NETWORK_ID, *(each.organisation_id for each in offices)}) == 2 + 12 + 82


def test_the_people_of_every_office_may_be_told_apart_by_its_code() -> None:
    for office in OFFICES.values():
        assert JURISDICTION.fullmatch(office.code), office.code
        assert jurisdiction_of(office.organisation_id) == office.code


def test_a_directorate_sees_what_it_is_a_party_of_and_no_other_does() -> None:
    office, other = DIRECTORATES["DP-CAS-ANFA"], DIRECTORATES["DP-CAS-FIDA"]
    assert codes_of(office.organisation_id) == (f"org:{office.organisation_id}", office.code)
    assert not {*codes_of(office.organisation_id)} & {*codes_of(other.organisation_id)}
    assert codes_of(NETWORK_ID) == (f"org:{NETWORK_ID}",)
