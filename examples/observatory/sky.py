"""What stands in the sky on a given day: Moon, constellations, meteor showers.

Positions follow Jean Meeus, Astronomical Algorithms (2nd edition), chapters 25 and 47, cut to the
terms that matter to the eye: the Moon is right to a tenth of a degree, a phase to a quarter of an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import acos, cos, radians, sin

from .sentences import N_

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
SYNODIC_MONTH_DAYS = 29.530589
TROPICAL_YEAR_DAYS = 365.242190
# Amplitude in degrees and the multiples of D, M, M' and F (Meeus, table 47.A).
LONGITUDE_TERMS = (
    (6.288774, 0, 0, 1, 0),
    (1.274027, 2, 0, -1, 0),
    (0.658314, 2, 0, 0, 0),
    (0.213618, 0, 0, 2, 0),
    (-0.185116, 0, 1, 0, 0),
    (-0.114332, 0, 0, 0, 2),
    (0.058793, 2, 0, -2, 0),
    (0.057066, 2, -1, -1, 0),
    (0.053322, 2, 0, 1, 0),
    (0.045758, 2, -1, 0, 0),
    (-0.040923, 0, 1, -1, 0),
    (-0.034720, 1, 0, 0, 0),
    (-0.030383, 0, 1, 1, 0),
    (0.015327, 2, 0, 0, -2),
)
LATITUDE_TERMS = (  # table 47.B
    (5.128122, 0, 0, 0, 1),
    (0.280602, 0, 0, 1, 1),
    (0.277693, 0, 0, 1, -1),
    (0.173237, 2, 0, 0, -1),
)
QUARTERS = (
    (0, N_("New Moon")),
    (90, N_("First quarter")),
    (180, N_("Full Moon")),
    (270, N_("Last quarter")),
)
PHASES = (  # the name holds up to this elongation, in degrees
    (6, N_("New Moon")),
    (84, N_("Waxing crescent")),
    (96, N_("First quarter")),
    (174, N_("Waxing gibbous")),
    (186, N_("Full Moon")),
    (264, N_("Waning gibbous")),
    (276, N_("Last quarter")),
    (354, N_("Waning crescent")),
    (360, N_("New Moon")),
)


@dataclass(frozen=True)
class Moon:
    """The Moon at a moment; the elongation runs from 0 (new) over 180 (full) to 360 degrees."""

    elongation_degrees: float
    illumination: float  # 0 to 1

    @property
    def phase(self) -> str:
        return next(name for limit, name in PHASES if self.elongation_degrees <= limit)

    @property
    def is_waxing(self) -> bool:
        return self.elongation_degrees < 180

    @property
    def percent(self) -> int:
        return round(self.illumination * 100)

    @property
    def age_days(self) -> float:
        return self.elongation_degrees / 360 * SYNODIC_MONTH_DAYS

    def outline(self, radius: int) -> str:
        """Return the lit part as an SVG path around the origin, as seen from the north."""
        limb = 1 if self.is_waxing else 0
        bulge = abs(1 - 2 * self.illumination) * radius
        terminator = limb if self.illumination > 0.5 else 1 - limb
        lit = f"M0-{radius}A{radius} {radius} 0 0 {limb} 0 {radius}"
        return f"{lit}A{bulge:.1f} {radius} 0 0 {terminator} 0-{radius}z"


@dataclass(frozen=True)
class Constellation:
    """A constellation with the right ascension at which it stands highest."""

    name: str
    hours: float
    text: str


@dataclass(frozen=True)
class Shower:
    """A meteor shower, dated by the Sun's longitude at its peak (IMO calendar)."""

    name: str
    sun_degrees: float
    hourly_rate: int  # zenithal, under a perfect sky
    text: str


@dataclass(frozen=True)
class Peak:
    """A shower's next peak and the Moon's light in that night."""

    shower: Shower
    at: datetime
    moon: Moon
    days: int

    @property
    def is_dark(self) -> bool:
        return self.moon.illumination < 0.4


@dataclass(frozen=True)
class Tonight:
    """Everything the page says about one night."""

    date: datetime
    moon: Moon
    darkness: str
    quarters: list[tuple[str, datetime]]
    constellations: list[Constellation]
    showers: list[Peak]


CONSTELLATIONS = (
    Constellation(
        N_("Andromeda"),
        0.8,
        N_(
            "A chain of three bright stars off the Square of Pegasus; the galaxy M31 floats beside "
            "the middle one."
        ),
    ),
    Constellation(
        N_("Cassiopeia"),
        1.0,
        N_("The W of five stars that never sets in the north. Its deep point shows the way to Andromeda."),
    ),
    Constellation(
        N_("Aries"),
        2.6,
        N_("Small and easily passed over: a bent line of three stars west of the Pleiades."),
    ),
    Constellation(
        N_("Perseus"),
        3.4,
        N_("Under the W. Halfway between them lies the Double Cluster; Algol fades every third night."),
    ),
    Constellation(
        N_("Taurus"),
        4.6,
        N_("Orange Aldebaran is the bull's eye, the Hyades its face, the Pleiades its shoulder."),
    ),
    Constellation(
        N_("Auriga"),
        6.0,
        N_("A pentagon crowned by golden Capella, with three star clusters strung through its middle."),
    ),
    Constellation(
        N_("Orion"),
        5.6,
        N_("Three stars in a row. Below them hangs the sword, and in the sword the great nebula."),
    ),
    Constellation(
        N_("Canis Major"),
        6.8,
        N_("Follow Orion's belt down to Sirius, the brightest star of all. The cluster M41 is just below."),
    ),
    Constellation(
        N_("Gemini"),
        7.1,
        N_("Castor and Pollux, side by side; the twins stand with their feet in the Milky Way."),
    ),
    Constellation(
        N_("Cancer"),
        8.7,
        N_("Faint, between the twins and the lion, and worth the search: the Beehive is in it."),
    ),
    Constellation(
        N_("Leo"),
        10.6,
        N_("A backward question mark ends in Regulus. This one looks like what it is called."),
    ),
    Constellation(
        N_("Ursa Major"),
        11.3,
        N_("The Plough stands overhead in spring; its pointers lead to the Pole Star."),
    ),
    Constellation(N_("Virgo"), 13.3, N_("Follow the Plough's handle: arc to Arcturus, speed on to Spica.")),
    Constellation(
        N_("Canes Venatici"),
        13.1,
        N_("Under the Plough's handle. Two stars to the eye, the Whirlpool to the telescope."),
    ),
    Constellation(
        N_("Boötes"),
        14.7,
        N_("A kite with Arcturus at its tail, the brightest star of the northern half of the sky."),
    ),
    Constellation(
        N_("Corona Borealis"),
        15.8,
        N_("A small, perfect half circle; the jewel in it is called Alphecca."),
    ),
    Constellation(
        N_("Hercules"),
        17.4,
        N_("Look for the Keystone between Vega and Arcturus. The great cluster M13 is on its western side."),
    ),
    Constellation(
        N_("Scorpius"),
        16.9,
        N_("Red Antares low in the south; farther south the tail curls up again."),
    ),
    Constellation(
        N_("Lyra"),
        18.8,
        N_("Brilliant Vega and a small parallelogram. The Ring Nebula is between its two lower stars."),
    ),
    Constellation(
        N_("Sagittarius"),
        19.1,
        N_("A teapot, its spout steaming: the steam is the middle of the Milky Way."),
    ),
    Constellation(
        N_("Aquila"),
        19.7,
        N_("Altair with a guard on either side, the southern corner of the Summer Triangle."),
    ),
    Constellation(
        N_("Cygnus"),
        20.6,
        N_("The swan flies down the Milky Way. Its beak is Albireo, gold and blue in any telescope."),
    ),
    Constellation(
        N_("Delphinus"),
        20.7,
        N_("A little leaping dolphin east of Altair: five stars, charming in binoculars."),
    ),
    Constellation(
        N_("Capricornus"),
        21.0,
        N_("A wide, faint smile in the south; the star at its right corner is a double for sharp eyes."),
    ),
    Constellation(
        N_("Pegasus"),
        22.7,
        N_("The Great Square. Count the stars inside: more than five means a dark night."),
    ),
    Constellation(
        N_("Aquarius"),
        22.3,
        N_("Faint streams of stars below Pegasus, with a small Y for the water jar."),
    ),
    Constellation(
        N_("Pisces"),
        0.9,
        N_("Two fishes on one line. The Circlet under the Square is the western one."),
    ),
)

SHOWERS = (
    Shower(
        N_("Quadrantids"),
        283.15,
        80,
        N_("A few hours of many faint meteors, best before dawn, from the north-east."),
    ),
    Shower(N_("Lyrids"), 32.32, 18, N_("Quick and now and then bright, from near Vega after midnight.")),
    Shower(
        N_("Eta Aquariids"),
        45.5,
        50,
        N_("Dust of Halley's comet, low before dawn; the farther south you live, the better."),
    ),
    Shower(
        N_("Southern Delta Aquariids"),
        127.6,
        25,
        N_("Many faint ones over several nights, with the first Perseids among them."),
    ),
    Shower(
        N_("Perseids"),
        140.0,
        100,
        N_("The warm ones: bright, frequent and reliable. Lie down and look up, away from the radiant."),
    ),
    Shower(
        N_("Orionids"),
        208.0,
        20,
        N_("Halley's dust again, very fast, with trains that glow after the meteor is gone."),
    ),
    Shower(
        N_("Leonids"),
        235.27,
        15,
        N_("Few in most years and the fastest of all; once in a generation a storm."),
    ),
    Shower(
        N_("Geminids"),
        262.2,
        150,
        N_("The best of the year: slow, bright, many-coloured, and up all night."),
    ),
    Shower(
        N_("Ursids"),
        270.7,
        10,
        N_("A quiet end of the year from beside the Pole Star, in sight all night in the north."),
    ),
)


def tonight(now: datetime) -> Tonight:
    """Return what there is to see in the night that follows a moment."""
    moon = moon_at(now)
    peaks = sorted((_next_peak(shower, now) for shower in SHOWERS), key=lambda peak: peak.at)
    return Tonight(
        date=now,
        moon=moon,
        darkness=_darkness(moon),
        quarters=sorted(
            ((name, next_quarter(angle, now)) for angle, name in QUARTERS), key=lambda one: one[1]
        ),
        constellations=in_season(now),
        showers=peaks[:4],
    )


def moon_at(moment: datetime) -> Moon:
    """Return how the Moon looks at a moment."""
    longitude, latitude = _moon_position(moment)
    elongation = (longitude - sun_longitude(moment)) % 360
    separation = acos(cos(radians(latitude)) * cos(radians(elongation)))
    # The Sun is so far away that the phase angle is nearly the supplement of the separation.
    return Moon(elongation, (1 - cos(separation)) / 2)


def next_quarter(angle: int, after: datetime) -> datetime:
    """Return when the Moon's elongation next reaches an angle."""
    behind = (angle - moon_at(after).elongation_degrees) % 360
    guess = after + timedelta(days=behind / 360 * SYNODIC_MONTH_DAYS)
    found = _settled(lambda at: moon_at(at).elongation_degrees, angle, guess, SYNODIC_MONTH_DAYS)
    return found if found > after else next_quarter(angle, after + timedelta(days=2))


def in_season(now: datetime) -> list[Constellation]:
    """Return the constellations that stand highest at about ten in the evening, west to east."""
    # At 22:00 local solar time the meridian is ten hours east of the Sun.
    meridian_hours = (sun_longitude(now) / 15 + 10) % 24
    offsets = {one: (one.hours - meridian_hours + 12) % 24 - 12 for one in CONSTELLATIONS}
    nearest = sorted(CONSTELLATIONS, key=lambda one: abs(offsets[one]))[:5]
    return sorted(nearest, key=lambda one: offsets[one])


def sun_longitude(moment: datetime) -> float:
    """Return the Sun's ecliptic longitude in degrees."""
    centuries = _centuries(moment)
    anomaly = radians(357.52911 + 35999.05029 * centuries)
    centre = (1.914602 - 0.004817 * centuries) * sin(anomaly) + 0.019993 * sin(2 * anomaly)
    return (280.46646 + 36000.76983 * centuries + centre) % 360


def _moon_position(moment: datetime) -> tuple[float, float]:
    """Return the Moon's ecliptic longitude and latitude in degrees."""
    t = _centuries(moment)
    arguments = (
        radians(297.8501921 + 445267.1114034 * t),  # D, mean elongation
        radians(357.5291092 + 35999.0502909 * t),  # M, the Sun's anomaly
        radians(134.9633964 + 477198.8675055 * t),  # M', the Moon's anomaly
        radians(93.2720950 + 483202.0175233 * t),  # F, distance from the node
    )
    longitude = 218.3164477 + 481267.88123421 * t + _series(LONGITUDE_TERMS, arguments)
    return longitude % 360, _series(LATITUDE_TERMS, arguments)


def _series(terms: tuple[tuple[float, int, int, int, int], ...], arguments: tuple[float, ...]) -> float:
    return sum(
        amplitude
        * sin(sum(multiple * argument for multiple, argument in zip(multiples, arguments, strict=True)))
        for amplitude, *multiples in terms
    )


def _next_peak(shower: Shower, now: datetime) -> Peak:
    # A shower stays listed until the morning after its peak.
    begin = now - timedelta(days=1)
    behind = (shower.sun_degrees - _sun_longitude_2000(begin)) % 360
    guess = begin + timedelta(days=behind / 360 * TROPICAL_YEAR_DAYS)
    at = _settled(_sun_longitude_2000, shower.sun_degrees, guess, TROPICAL_YEAR_DAYS)
    return Peak(shower, at, moon_at(at), max((at.date() - now.date()).days, 0))


def _sun_longitude_2000(moment: datetime) -> float:
    # Showers are dated in the coordinates of 2000; the equinox moves on by 1.397 degrees a century.
    return (sun_longitude(moment) - 1.397 * _centuries(moment)) % 360


def _settled(
    angle_at: Callable[[datetime], float], angle: float, guess: datetime, period_days: float
) -> datetime:
    """Return the moment near a guess at which something that turns once a period is at an angle."""
    for _step in range(6):  # each is ten times nearer than the one before
        missing = (angle - angle_at(guess) + 180) % 360 - 180
        guess += timedelta(days=missing / 360 * period_days)
    return guess


def _darkness(moon: Moon) -> str:
    """Say which hours are dark, for people without an almanac."""
    if moon.illumination < 0.08:
        return N_("No Moon to speak of: the whole night is dark. Take out everything faint, galaxies first.")
    if moon.illumination > 0.92:
        return N_(
            "The Moon is up all night and drowns what is faint. A night for the Moon itself and for "
            "double stars."
        )
    if moon.elongation_degrees < 100:
        return N_(
            "The Moon keeps you company in the evening and then sets: the second half of the night is dark."
        )
    if moon.is_waxing:
        return N_("Moonlight for most of the night; darkness comes only in the hours before dawn.")
    if moon.elongation_degrees < 260:
        return N_("The first hours after dusk are dark, then the Moon rises and stays till morning.")
    return N_("The evening and midnight are dark; the Moon rises late, before dawn, as a crescent.")


def _centuries(moment: datetime) -> float:
    return (moment - J2000).total_seconds() / 86400 / 36525
