"""The sky of the gated pages, against what almanacs say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from webapp.shop import plugins
from webapp.shop.folder import Folder

observatory: Any = plugins.load(Folder(Path(__file__).parent.parent)).module
atlas, exposures, sky = observatory.deep_sky, observatory.exposures, observatory.sky
LINES, STARS = atlas.LINES, atlas.STARS

FULL_MOON = datetime(2026, 11, 24, 14, 53, tzinfo=UTC)  # almanac
NIGHT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("Full Moon", FULL_MOON),
        ("Last quarter", datetime(2026, 12, 1, 6, 9, tzinfo=UTC)),
        ("New Moon", datetime(2026, 12, 9, 0, 52, tzinfo=UTC)),
        ("First quarter", datetime(2026, 12, 17, 5, 43, tzinfo=UTC)),
    ],
)
def test_the_quarters_are_those_of_the_almanac(name: str, at: datetime) -> None:
    found = dict(sky.tonight(NIGHT).quarters)[name]
    assert abs(found - at) < timedelta(minutes=15)


def test_the_quarters_come_in_order_and_lie_ahead() -> None:
    for day in range(0, 400, 3):
        now = NIGHT + timedelta(days=day)
        moments = [at for _name, at in sky.tonight(now).quarters]
        assert moments == sorted(moments)
        assert all(now < at < now + timedelta(days=30.5) for at in moments)


@pytest.mark.parametrize(
    ("moment", "percent"),
    [
        (datetime(2024, 2, 3, 5, tzinfo=UTC), 48),
        (NIGHT, 100),
        (datetime(2024, 4, 8, 18, 20, tzinfo=UTC), 0),  # an eclipse of the Sun
    ],
)
def test_the_moon_is_lit_as_the_almanac_says(moment: datetime, percent: int) -> None:
    assert abs(sky.moon_at(moment).percent - percent) <= 1


@pytest.mark.parametrize(
    ("days", "phase"),
    [
        (0, "Full Moon"),
        (3, "Waning gibbous"),
        (7, "Last quarter"),
        (10, "Waning crescent"),
        (14.5, "New Moon"),
        (18, "Waxing crescent"),
        (22.6, "First quarter"),
        (26, "Waxing gibbous"),
    ],
)
def test_the_moon_has_its_phases(days: float, phase: str) -> None:
    assert sky.moon_at(FULL_MOON + timedelta(days=days)).phase == phase


def test_every_phase_has_a_name_and_an_outline() -> None:
    for degrees in range(361):
        moon = sky.Moon(float(degrees), 0.5)
        assert moon.phase
        assert moon.outline(50).endswith("z")


def test_a_crescent_and_a_gibbous_moon_are_drawn_from_opposite_sides() -> None:
    crescent, gibbous = sky.Moon(40, 0.12), sky.Moon(140, 0.88)
    waning = sky.Moon(320, 0.12)
    assert crescent.outline(50) == "M0-50A50 50 0 0 1 0 50A38.0 50 0 0 0 0-50z"
    assert gibbous.outline(50) == "M0-50A50 50 0 0 1 0 50A38.0 50 0 0 1 0-50z"
    assert waning.outline(50) == "M0-50A50 50 0 0 0 0 50A38.0 50 0 0 1 0-50z"


def test_the_moon_decides_how_dark_it_gets() -> None:
    told = {sky.tonight(FULL_MOON + timedelta(days=day)).darkness for day in range(30)}
    assert len(told) == 6


@pytest.mark.parametrize(
    ("month", "name"),
    [(1, "Orion"), (4, "Leo"), (6, "Boötes"), (7, "Hercules"), (8, "Lyra"), (10, "Pegasus"), (12, "Taurus")],
)
def test_constellations_come_with_their_season(month: int, name: str) -> None:
    names = [one.name for one in sky.in_season(datetime(2026, month, 20, tzinfo=UTC))]
    assert name in names
    assert len(names) == 5


def test_showers_are_listed_from_the_next_one_on() -> None:
    showers = sky.tonight(NIGHT).showers
    assert [peak.shower.name for peak in showers] == ["Geminids", "Ursids", "Quadrantids", "Lyrids"]
    assert showers[0].at.date().isoformat() == "2026-12-14"
    assert showers[0].days == 20
    assert showers[0].is_dark
    assert not showers[1].is_dark


def test_a_shower_stays_through_the_night_of_its_peak() -> None:
    peak = datetime(2026, 12, 14, 23, tzinfo=UTC)
    first = sky.tonight(peak).showers[0]
    assert (first.shower.name, first.days) == ("Geminids", 0)


def test_the_atlas_has_twenty_objects_with_charts_that_show_them() -> None:
    assert len(atlas.OBJECTS) == len({one.number for one in atlas.OBJECTS}) == 20
    for one in atlas.OBJECTS:
        x, y = one.chart.target
        assert 10 < x < atlas.WIDTH - 10, one.number
        assert 10 < y < atlas.HEIGHT - 10, one.number
        shown = {dot.name for dot in one.chart.stars}
        assert set(one.hop) <= shown, one.number
        assert one.chart.lines.startswith("M")
        assert one.chart.way.count("L") == len(one.hop)


def test_a_chart_has_north_up_and_east_left() -> None:
    chart = next(one for one in atlas.OBJECTS if one.number == "M42").chart
    dots = {dot.name: dot for dot in chart.stars}
    assert dots["Betelgeuse"].y < dots["Rigel"].y
    assert dots["Betelgeuse"].x < dots["Bellatrix"].x


def test_bright_stars_are_drawn_larger() -> None:
    chart = next(one for one in atlas.OBJECTS if one.number == "M41").chart
    sirius = next(dot for dot in chart.stars if dot.name == "Sirius")
    assert sirius.radius == max(dot.radius for dot in chart.stars)


def test_every_figure_joins_stars_that_are_near_each_other() -> None:
    assert len(STARS) == 166
    for begin, end in LINES:
        apart = abs((begin.hours - end.hours + 12) % 24 - 12) * 15
        assert apart < 30, (begin.name, end.name)
        assert abs(begin.degrees - end.degrees) < 25, (begin.name, end.name)


def test_the_rules_for_sharp_stars() -> None:
    full_frame, aps_c, _micro = exposures.SENSORS
    assert exposures.limit(20, full_frame) == exposures.Limit(25, pytest.approx(13.75))
    assert exposures.limit(50, aps_c).rule_of_500 == pytest.approx(6.67, abs=0.01)
    assert [lens for lens, _limits in exposures.table()] == list(exposures.LENSES)
