"""How long stars stay points: the exposure tables of the field notes."""

from dataclasses import dataclass

from .sentences import N_

LENSES = (14, 20, 24, 35, 50, 85)  # millimetres, as written on the lens


@dataclass(frozen=True)
class Sensor:
    """A kind of camera: how much it crops, how fine its pixels are, the usual aperture for the night."""

    name: str
    crop: float
    pixel_micrometres: float
    aperture: float


SENSORS = (
    Sensor(N_("Full frame"), 1.0, 5.9, 2.8),
    Sensor(N_("APS-C"), 1.5, 3.9, 2.8),
    Sensor(N_("Micro 4/3"), 2.0, 3.3, 2.8),
)


@dataclass(frozen=True)
class Limit:
    """The longest exposure of one lens on one sensor by both rules, in seconds."""

    rule_of_500: float
    npf: float


def limit(focal_millimetres: int, sensor: Sensor) -> Limit:
    """Return how long stars near the celestial equator stay points."""
    rule_of_500 = 500 / (focal_millimetres * sensor.crop)
    # NPF rule of the Société astronomique du Havre, simplified: (35 N + 30 p) / f
    npf = (35 * sensor.aperture + 30 * sensor.pixel_micrometres) / focal_millimetres
    return Limit(rule_of_500, npf)


def table() -> list[tuple[int, list[Limit]]]:
    """Return the limits, a row for every lens and a column for every sensor."""
    return [(lens, [limit(lens, sensor) for sensor in SENSORS]) for lens in LENSES]
