"""The Deep Sky Atlas: twenty objects, how to find each, and a chart drawn from star positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import atan2, cos, pi, radians, sin

from .sentences import N_
from .stars import LINES, STARS, Star

WIDTH, HEIGHT = 320, 200  # of a chart
MARGIN = 14


@dataclass(frozen=True)
class Dot:
    """A star on a chart."""

    x: float
    y: float
    radius: float
    name: str  # shown beside it, or nothing
    is_named_left: bool  # away from the object and from the edge


@dataclass(frozen=True)
class DeepSkyObject:
    """Something faint, where it is, and what to expect of it."""

    number: str
    name: str
    kind: str  # galaxy | nebula | open | globular
    constellation: str
    hours: float
    degrees: float
    magnitude: float
    arcminutes: int  # its longer side
    months: str
    way: str  # how to get there from stars one knows
    sight: str  # what one will really see
    gear: str
    hop: tuple[str, ...]  # stars along the way, the last one nearest
    field_degrees: float  # from the middle of the chart to its upper edge

    @cached_property
    def chart(self) -> "Chart":
        return Chart(self)


class Chart:
    """A finder chart: north is up and east is left, as in the sky."""

    def __init__(self, about: DeepSkyObject) -> None:
        self.about = about
        points = [(STARS[name].hours, STARS[name].degrees) for name in about.hop]
        points.append((about.hours, about.degrees))
        self.hours, self.degrees = _middle(points)
        self.scale = (HEIGHT / 2 - MARGIN) / about.field_degrees

    @cached_property
    def target(self) -> tuple[float, float]:
        return self._place(self.about.hours, self.about.degrees) or (WIDTH / 2, HEIGHT / 2)

    @cached_property
    def stars(self) -> list[Dot]:
        places = [(star, self._place(star.hours, star.degrees)) for star in STARS.values()]
        return [self._dot(star, place) for star, place in places if place and _is_inside(place)]

    @property
    def is_named_below(self) -> bool:
        """Whether the object's name stands under it, since the way comes from above."""
        last = STARS[self.about.hop[-1]]
        return last.degrees > self.about.degrees

    @cached_property
    def lines(self) -> str:
        """The figures of the constellations as one SVG path."""
        return "".join(f"M{x1} {y1}L{x2} {y2}" for (x1, y1), (x2, y2) in self._segments())

    @cached_property
    def way(self) -> str:
        """The way from star to star to the object as an SVG path."""
        stars = [self._place(STARS[name].hours, STARS[name].degrees) for name in self.about.hop]
        return "M" + "L".join(f"{x} {y}" for x, y in [place for place in stars if place] + [self.target])

    def _segments(self) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
        for begin, end in LINES:
            first, last = self._place(begin.hours, begin.degrees), self._place(end.hours, end.degrees)
            if first and last and (_is_inside(first) or _is_inside(last)):
                yield first, last

    def _dot(self, star: Star, place: tuple[float, float]) -> Dot:
        x, y = place
        is_named = star.name in self.about.hop or star.magnitude < 1.7
        towards = x < self.target[0] and abs(y - self.target[1]) < 40
        left = x > 90 and (x > WIDTH - 85 or towards)
        return Dot(x, y, round(max(3.6 - 0.6 * star.magnitude, 0.9), 1), star.name if is_named else "", left)

    def _place(self, hours: float, degrees: float) -> tuple[float, float] | None:
        """Return where a position falls (stereographic projection), or nothing for the far side."""
        turn, up, middle = radians((hours - self.hours) * 15), radians(degrees), radians(self.degrees)
        depth = 1 + sin(middle) * sin(up) + cos(middle) * cos(up) * cos(turn)
        if depth < 1:
            return None
        factor = 2 / depth * self.scale * 180 / pi
        x = cos(up) * sin(turn)
        y = cos(middle) * sin(up) - sin(middle) * cos(up) * cos(turn)
        return round(WIDTH / 2 - factor * x, 1), round(HEIGHT / 2 - factor * y, 1)


def _middle(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the centre of some positions, found on the sphere so that 0 h is no seam."""
    x = sum(cos(radians(hours * 15)) for hours, _ in points)
    y = sum(sin(radians(hours * 15)) for hours, _ in points)
    declinations = [degrees for _, degrees in points]
    return atan2(y, x) * 12 / pi, (min(declinations) + max(declinations)) / 2


def _is_inside(place: tuple[float, float]) -> bool:
    x, y = place
    return 4 <= x <= WIDTH - 4 and 4 <= y <= HEIGHT - 4


OBJECTS = (
    DeepSkyObject(
        "M45", N_("The Pleiades"), "open", N_("Taurus"), 3.791, 24.11, 1.6, 110, N_("October to March"),
        N_(
            "No instrument needed: a small, misty knot west of orange Aldebaran. Follow the line "
            "from Orion's belt through Aldebaran and on."
        ),
        N_(
            "Six stars by eye, dozens of blue-white ones in binoculars. A telescope shows too "
            "little of it at once."
        ),
        N_("Binoculars"), ("Aldebaran",), 12,
    ),
    DeepSkyObject(
        "M42", N_("The Orion Nebula"), "nebula", N_("Orion"), 5.588, -5.39, 4.0, 65, N_("December to March"),
        N_(
            "Below the three stars of the belt hangs a short row of three fainter ones, the sword. "
            "The middle one is not a star."
        ),
        N_(
            "A grey-green bat's wing of light around four tight stars, the Trapezium. The one "
            "nebula that looks like its pictures."
        ),
        N_("Any"), ("Alnilam", "Iota Ori"), 10,
    ),
    DeepSkyObject(
        "M31", N_("The Andromeda Galaxy"), "galaxy", N_("Andromeda"), 0.712, 41.27, 3.4, 190,
        N_("August to January"),
        N_(
            "From the Square of Pegasus step two bright stars along to Mirach, turn right and climb"
            " two fainter ones: Mu, then Nu."
        ),
        N_(
            "An oval glow as long as six full Moons, of which one sees the bright middle. What you "
            "see left it two and a half million years ago."
        ),
        N_("By eye, best in binoculars"), ("Mirach", "Mu And", "Nu And"), 8,
    ),
    DeepSkyObject(
        "M33", N_("The Triangulum Galaxy"), "galaxy", N_("Triangulum"), 1.564, 30.66, 5.7, 70,
        N_("September to January"),
        N_("Halfway between Mirach and Hamal, a little nearer to the tip of the small Triangle."),
        N_(
            "Large, pale and shy: the darker the sky the easier, and binoculars show it better than"
            " a big telescope."
        ),
        N_("Binoculars, dark sky"), ("Mirach",), 10,
    ),
    DeepSkyObject(
        "NGC 869", N_("The Double Cluster"), "open", N_("Perseus"), 2.345, 57.14, 4.3, 60,
        N_("August to March"),
        N_(
            "Halfway between the W of Cassiopeia and the tip of Perseus. By eye a brighter patch in"
            " the Milky Way."
        ),
        N_("Two heaps of diamonds side by side with a few red stars among them. Stay at the lowest power."),
        N_("Binoculars or small telescope"), ("Ruchbah", "Eta Per"), 7,
    ),
    DeepSkyObject(
        "M35", N_("A cluster at the twins' feet"), "open", N_("Gemini"), 6.148, 24.34, 5.3, 28,
        N_("December to April"),
        N_(
            "At the northern foot of the twins: find Propus, the toe, and go a little over "
            "two degrees up and to the right."
        ),
        N_(
            "A hundred stars in curved rows, as wide as the Moon. Beside it a faint smudge, another"
            " cluster five times as far."
        ),
        N_("Binoculars or small telescope"), ("Propus",), 5,
    ),
    DeepSkyObject(
        "M41", N_("The Little Beehive"), "open", N_("Canis Major"), 6.783, -20.75, 4.5, 38,
        N_("January to March"),
        N_(
            "Four degrees straight below Sirius: put Sirius at the top of the view of your "
            "binoculars and look at the bottom."
        ),
        N_(
            "A loose handful of stars with an orange one in the middle, lovely when it stands clear"
            " of the haze."
        ),
        N_("Binoculars"), ("Sirius",), 6,
    ),
    DeepSkyObject(
        "M44", N_("The Beehive"), "open", N_("Cancer"), 8.673, 19.67, 3.7, 95, N_("January to May"),
        N_(
            "Halfway between Pollux and Regulus. Two faint stars, the donkeys, stand beside the"
            " manger."
        ),
        N_("By eye a breath of light, in binoculars a swarm. Galileo counted forty; you will find more."),
        N_("Binoculars"), ("Asellus Borealis",), 5,
    ),
    DeepSkyObject(
        "M81", N_("Bode's Galaxy"), "galaxy", N_("Ursa Major"), 9.926, 69.07, 6.9, 27, N_("February to June"),
        N_("Draw the diagonal of the Plough's bowl from Phecda to Dubhe and go the same distance on."),
        N_(
            "An oval with a bright heart, and in the same view M82, thin as a cigar: two galaxies "
            "that passed one another."
        ),
        N_("Telescope from 80 mm"), ("Phecda", "Dubhe"), 13,
    ),
    DeepSkyObject(
        "M51", N_("The Whirlpool"), "galaxy", N_("Canes Venatici"), 13.498, 47.20, 8.4, 11,
        N_("March to July"),
        N_(
            "From Alkaid, the end of the Plough's handle, a little over three degrees towards Cor "
            "Caroli, past a fifth-magnitude star."
        ),
        N_(
            "Two soft spots, one larger. From 200 mm and under a dark sky the spiral arms come out,"
            " first ever seen in 1845."
        ),
        N_("Telescope from 100 mm"), ("Alkaid",), 5,
    ),
    DeepSkyObject(
        "M3", N_("A globular for spring"), "globular", N_("Canes Venatici"), 13.703, 28.38, 6.2, 18,
        N_("March to August"),
        N_("Almost halfway from Arcturus to Cor Caroli, a little nearer to Arcturus."),
        N_(
            "A round snowball that grows grainy at its edge from 100 mm on: half a million stars, "
            "older than the Sun."
        ),
        N_("Small telescope"), ("Arcturus",), 12,
    ),
    DeepSkyObject(
        "M104", N_("The Sombrero"), "galaxy", N_("Virgo"), 12.667, -11.62, 8.0, 9, N_("March to June"),
        N_("On the line from Spica to the crow, five and a half degrees above Algorab, its upper left star."),
        N_("A slender needle with a bulge; the dark brim shows from 150 mm when the air is steady."),
        N_("Telescope from 100 mm"), ("Spica", "Algorab"), 10,
    ),
    DeepSkyObject(
        "M5", N_("The finest of the north"), "globular", N_("Serpens"), 15.309, 2.08, 5.7, 23,
        N_("April to August"),
        N_(
            "From Arcturus down towards Unukalhai in the Serpent; then eight degrees to the right, "
            "next to a fifth-magnitude star."
        ),
        N_(
            "Brighter and rounder than M3, with a core that blazes. Strings of stars run out of it "
            "like sparks."
        ),
        N_("Small telescope"), ("Unukalhai",), 8,
    ),
    DeepSkyObject(
        "M13", N_("The Great Cluster in Hercules"), "globular", N_("Hercules"), 16.695, 36.46, 5.8, 20,
        N_("April to October"),
        N_("On the western side of the Keystone, a third of the way down from Eta to Zeta."),
        N_(
            "The one to show to guests: a ball of light that falls apart into hundreds of stars "
            "from 150 mm on."
        ),
        N_("Small telescope"), ("Eta Her",), 7,
    ),
    DeepSkyObject(
        "M22", N_("A globular in the Teapot"), "globular", N_("Sagittarius"), 18.607, -23.90, 5.1, 32,
        N_("June to September"),
        N_("Two and a half degrees up and left of Kaus Borealis, the lid of the Teapot."),
        N_(
            "Larger and looser than M13, and one of the nearest. Low in the north, so wait till it "
            "stands due south."
        ),
        N_("Binoculars or small telescope"), ("Kaus Borealis",), 6,
    ),
    DeepSkyObject(
        "M8", N_("The Lagoon"), "nebula", N_("Sagittarius"), 18.063, -24.38, 6.0, 90, N_("June to September"),
        N_("Above the Teapot's spout the steam rises: five and a half degrees west of Kaus Borealis."),
        N_(
            "A cluster in a shining cloud, split by a dark channel. With binoculars it shares the "
            "view with the Trifid."
        ),
        N_("Binoculars, dark sky"), ("Kaus Borealis",), 6,
    ),
    DeepSkyObject(
        "M11", N_("The Wild Ducks"), "open", N_("Scutum"), 18.852, -6.27, 6.3, 14, N_("June to October"),
        N_(
            "From Altair down the eagle's tail to Lambda and 12 Aquilae; the hook they begin ends "
            "in the cluster."
        ),
        N_(
            "So rich that it looks like a globular at first. Then the V of the flying ducks "
            "appears, with one star at its tip."
        ),
        N_("Small telescope"), ("Lambda Aql", "12 Aql"), 4,
    ),
    DeepSkyObject(
        "M57", N_("The Ring"), "nebula", N_("Lyra"), 18.893, 33.03, 8.8, 1, N_("May to November"),
        N_("Between the two lower stars of Lyra, Sheliak and Sulafat, a little nearer to Sheliak."),
        N_("A tiny smoke ring at 100 times magnification: the last breath of a star like ours."),
        N_("Telescope from 80 mm"), ("Vega", "Sheliak"), 5,
    ),
    DeepSkyObject(
        "M27", N_("The Dumbbell"), "nebula", N_("Vulpecula"), 19.993, 22.72, 7.4, 8, N_("June to November"),
        N_("Three degrees straight above Gamma, the point of the little Arrow between Altair and Albireo."),
        N_("A pale pillow, then an apple core. The easiest planetary nebula there is, even for binoculars."),
        N_("Binoculars or small telescope"), ("Delta Sge", "Gamma Sge"), 5,
    ),
    DeepSkyObject(
        "M15", N_("The horse's breath"), "globular", N_("Pegasus"), 21.500, 12.17, 6.2, 18,
        N_("July to December"),
        N_("From Biham to Enif, the nose of Pegasus, and four degrees on in the same direction."),
        N_(
            "Small and fierce, with the densest heart of all the northern ones. The star beside it "
            "gives the eye something to hold on to."
        ),
        N_("Small telescope"), ("Biham", "Enif"), 8,
    ),
)  # fmt: skip
