"""Colours as owners write them, and how well one reads on another (WCAG 2.2, contrast ratio)."""

import re

COLOUR = re.compile(r"#([0-9a-fA-F]{3}){1,2}")
LEAST_CONTRAST = 4.5  # WCAG 1.4.3
WHITE, BLACK = "#ffffff", "#000000"


def is_colour(text: str) -> bool:
    """Tell whether a text is a colour of three or six hexadecimal digits."""
    return bool(COLOUR.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """Return how well two colours stand out against each other, from 1 to 21."""
    less, more = sorted((_luminance(one), _luminance(other)))
    return (more + 0.05) / (less + 0.05)


def reads_on(ground: str) -> str:
    """Return white for text on a ground, or black where white could not be read."""
    return WHITE if contrast(WHITE, ground) >= LEAST_CONTRAST else BLACK


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    red, green, blue = (_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
