"""The stars by which the atlas finds its way: positions of 2000, and the figures they make."""

from dataclasses import dataclass

from .sentences import N_


@dataclass(frozen=True)
class Star:
    """A star; names are the usual ones, Greek letters where there is none."""

    name: str
    hours: float  # right ascension
    degrees: float  # declination
    magnitude: float


# name, right ascension in hours, declination in degrees, magnitude (Bright Star Catalogue, rounded)
TABLE = """
Caph 0.153 59.15 2.3|Schedar 0.675 56.54 2.2|Gamma-Cas 0.945 60.72 2.2|Ruchbah 1.430 60.24 2.7
Segin 1.907 63.67 3.4|Alpheratz 0.140 29.09 2.1|Delta-And 0.656 30.86 3.3|Mirach 1.162 35.62 2.1
Almach 2.065 42.33 2.1|Mu-And 0.946 38.50 3.9|Nu-And 0.830 41.08 4.5|Beta-Tri 2.159 34.99 3.0
Alpha-Tri 1.885 29.58 3.4|Gamma-Tri 2.289 33.85 4.0|Hamal 2.120 23.46 2.0|Sheratan 1.911 20.81 2.6
Mirfak 3.405 49.86 1.8|Algol 3.136 40.96 2.1|Eta-Per 2.845 55.90 3.8|Gamma-Per 3.080 53.51 2.9
Delta-Per 3.715 47.79 3.0|Epsilon-Per 3.964 40.01 2.9|Zeta-Per 3.902 31.88 2.9
Aldebaran 4.599 16.51 0.9|Elnath 5.438 28.61 1.7|Alcyone 3.791 24.11 2.9|Ain 4.477 19.18 3.5
Gamma-Tau 4.330 15.63 3.7|Zeta-Tau 5.627 21.14 3.0|Lambda-Tau 4.011 12.49 3.4|Capella 5.278 46.00 0.1
Theta-Aur 5.995 37.21 2.6|Iota-Aur 4.950 33.17 2.7|Betelgeuse 5.919 7.41 0.5|Rigel 5.242 -8.20 0.1
Bellatrix 5.419 6.35 1.6|Saiph 5.796 -9.67 2.1|Alnitak 5.679 -1.94 1.8|Alnilam 5.604 -1.20 1.7
Mintaka 5.533 -0.30 2.2|Iota-Ori 5.591 -5.91 2.8|Castor 7.577 31.89 1.6|Pollux 7.755 28.03 1.1
Alhena 6.629 16.40 1.9|Mebsuta 6.732 25.13 3.0|Tejat 6.383 22.51 2.9|Propus 6.248 22.51 3.3
Wasat 7.335 21.98 3.5|1-Gem 6.069 23.26 4.2|Sirius 6.752 -16.72 -1.5|Mirzam 6.378 -17.96 2.0
Adhara 6.977 -28.97 1.5|Wezen 7.140 -26.39 1.8|Aludra 7.402 -29.30 2.4|Nu-CMa 6.611 -19.26 4.0
Asellus-Australis 8.745 18.15 3.9|Asellus-Borealis 8.721 21.47 4.7|Acubens 8.975 11.86 4.3
Tarf 8.275 9.19 3.5|Iota-Cnc 8.778 28.76 4.0|Regulus 10.139 11.97 1.4|Algieba 10.333 19.84 2.1
Denebola 11.818 14.57 2.1|Eta-Leo 10.122 16.76 3.5|Epsilon-Leo 9.764 23.77 3.0|Zeta-Leo 10.278 23.42 3.4
Mu-Leo 9.879 26.01 3.9|Zosma 11.235 20.52 2.6|Chertan 11.237 15.43 3.3|Dubhe 11.062 61.75 1.8
Merak 11.031 56.38 2.4|Phecda 11.897 53.69 2.4|Megrez 12.257 57.03 3.3|Alioth 12.900 55.96 1.8
Mizar 13.399 54.93 2.2|Alkaid 13.792 49.31 1.9|23-UMa 9.525 63.06 3.7|Muscida 8.504 60.72 3.4
Upsilon-UMa 9.850 59.04 3.8|24-UMa 9.575 69.83 4.6|Cor-Caroli 12.934 38.32 2.9|Chara 12.562 41.36 4.3
24-CVn 13.574 49.02 4.7|Arcturus 14.261 19.18 0.0|Izar 14.750 27.07 2.4|Muphrid 13.911 18.40 2.7
Seginus 14.535 38.31 3.0|Nekkar 15.032 40.39 3.5|Rho-Boo 14.531 30.37 3.6|Delta-Boo 15.258 33.31 3.5
Beta-Com 13.198 27.88 4.3|Alpha-Com 13.166 17.53 4.3|Gamma-Com 12.449 28.27 4.4|Spica 13.420 -11.16 1.0
Porrima 12.694 -1.45 2.7|Vindemiatrix 13.036 10.96 2.8|Delta-Vir 12.927 3.40 3.4|Eta-Vir 12.332 -0.67 3.9
Zeta-Vir 13.578 -0.60 3.4|Gienah 12.263 -17.54 2.6|Kraz 12.573 -23.40 2.7|Algorab 12.498 -16.52 2.9
Minkar 12.169 -22.62 3.0|Unukalhai 15.738 6.43 2.6|Beta-Ser 15.770 15.42 3.7|Delta-Ser 15.580 10.54 3.8
Epsilon-Ser 15.847 4.48 3.7|Mu-Ser 15.827 -3.43 3.5|109-Vir 14.771 1.89 3.7|110-Vir 15.048 2.09 4.4
5-Ser 15.322 1.77 5.1|Zeta-Her 16.688 31.60 2.8|Eta-Her 16.715 38.92 3.5|Pi-Her 17.251 36.81 3.2
Epsilon-Her 17.005 30.93 3.9|Kornephoros 16.504 21.49 2.8|Delta-Her 17.251 24.84 3.1|Vega 18.616 38.78 0.0
Sheliak 18.835 33.36 3.5|Sulafat 18.982 32.69 3.2|Delta-Lyr 18.908 36.90 4.3|Zeta-Lyr 18.746 37.61 4.4
Deneb 20.690 45.28 1.3|Sadr 20.370 40.26 2.2|Albireo 19.512 27.96 3.1|Aljanah 20.770 33.97 2.5
Fawaris 19.749 45.13 2.9|Eta-Cyg 19.938 35.08 3.9|Gamma-Sge 19.979 19.49 3.5|Delta-Sge 19.790 18.53 3.8
Sham 19.668 18.01 4.4|Beta-Sge 19.684 17.48 4.4|Alpha-Vul 19.478 24.66 4.4|Altair 19.846 8.87 0.8
Tarazed 19.771 10.61 2.7|Alshain 19.922 6.41 3.7|Lambda-Aql 19.104 -4.88 3.4|12-Aql 19.028 -5.74 4.0
Delta-Aql 19.425 3.11 3.4|Zeta-Aql 19.090 13.86 3.0|Theta-Aql 20.188 -0.82 3.2|Alpha-Sct 18.587 -8.24 3.9
Beta-Sct 18.786 -4.75 4.2|Eta-Sct 18.951 -5.85 4.8|Kaus-Australis 18.403 -34.38 1.8
Kaus-Media 18.350 -29.83 2.7|Kaus-Borealis 18.466 -25.42 2.8|Nunki 18.921 -26.30 2.1|Phi-Sgr 18.761 -26.99 3.2
Ascella 19.044 -29.88 2.6|Tau-Sgr 19.116 -27.67 3.3|Alnasl 18.097 -30.42 3.0|Polis 18.229 -21.06 3.8
Enif 21.736 9.88 2.4|Biham 22.170 6.20 3.5|Homam 22.691 10.83 3.4|Markab 23.079 15.21 2.5
Scheat 23.063 28.08 2.4|Algenib 0.221 15.18 2.8|Delta-Equ 21.241 10.01 4.5|Kitalpha 21.264 5.25 3.9
Sualocin 20.661 15.91 3.8|Rotanev 20.626 14.60 3.6|Delta-Del 20.724 15.07 4.4|Gamma-Del 20.778 16.12 4.3
Epsilon-Del 20.554 11.30 4.0
"""

FIGURES = """
Caph Schedar Gamma-Cas Ruchbah Segin|Alpheratz Delta-And Mirach Almach|Mirach Mu-And Nu-And
Alpha-Tri Beta-Tri Gamma-Tri Alpha-Tri|Hamal Sheratan|Eta-Per Gamma-Per Mirfak Delta-Per Epsilon-Per Zeta-Per
Mirfak Algol|Zeta-Tau Aldebaran Gamma-Tau Lambda-Tau|Gamma-Tau Ain Elnath
Capella Theta-Aur Elnath Iota-Aur Capella
Betelgeuse Bellatrix Mintaka Alnilam Alnitak Betelgeuse|Alnitak Saiph Rigel Mintaka
Castor Mebsuta Tejat Propus 1-Gem|Pollux Wasat Alhena|Castor Pollux|Sirius Mirzam|Sirius Nu-CMa
Sirius Wezen Adhara|Wezen Aludra|Acubens Asellus-Australis Asellus-Borealis Iota-Cnc|Asellus-Australis Tarf
Regulus Eta-Leo Algieba Zeta-Leo Mu-Leo Epsilon-Leo|Algieba Zosma Denebola Chertan Regulus|Zosma Chertan
Alkaid Mizar Alioth Megrez Phecda Merak Dubhe Megrez|Dubhe 23-UMa Muscida|23-UMa Upsilon-UMa Merak
Cor-Caroli Chara|Muphrid Arcturus Izar Delta-Boo Nekkar Seginus Rho-Boo Arcturus|Alpha-Com Beta-Com Gamma-Com
Spica Porrima Delta-Vir Vindemiatrix|Porrima Eta-Vir|Delta-Vir Zeta-Vir|Gienah Algorab Kraz Minkar Gienah
Zeta-Vir 109-Vir 110-Vir|Beta-Ser Delta-Ser Unukalhai Epsilon-Ser Mu-Ser
Kornephoros Zeta-Her Eta-Her Pi-Her Epsilon-Her Zeta-Her|Epsilon-Her Delta-Her
Vega Zeta-Lyr Sheliak Sulafat Delta-Lyr Zeta-Lyr|Deneb Sadr Eta-Cyg Albireo|Fawaris Sadr Aljanah
Gamma-Sge Delta-Sge Sham|Delta-Sge Beta-Sge|Tarazed Altair Alshain|Altair Delta-Aql Lambda-Aql 12-Aql
Altair Zeta-Aql|Alshain Theta-Aql|Alpha-Sct Beta-Sct Eta-Sct
Alnasl Kaus-Media Kaus-Australis Ascella Tau-Sgr Nunki Phi-Sgr Kaus-Borealis Kaus-Media Alnasl
Kaus-Borealis Polis|Phi-Sgr Ascella|Enif Biham Homam Markab Scheat Alpheratz Algenib Markab|Delta-Equ Kitalpha
Epsilon-Del Rotanev Sualocin Gamma-Del Delta-Del Rotanev
"""

# The names that stand on charts.
NAMES = (
    N_("12 Aql"), N_("Aldebaran"), N_("Algorab"), N_("Alkaid"), N_("Alnilam"), N_("Arcturus"),
    N_("Asellus Borealis"), N_("Bellatrix"), N_("Betelgeuse"), N_("Biham"), N_("Delta Sge"), N_("Dubhe"),
    N_("Enif"), N_("Eta Her"), N_("Eta Per"), N_("Gamma Sge"), N_("Iota Ori"), N_("Kaus Borealis"),
    N_("Lambda Aql"), N_("Mirach"), N_("Mu And"), N_("Nu And"), N_("Phecda"), N_("Propus"), N_("Rigel"),
    N_("Ruchbah"), N_("Sheliak"), N_("Sirius"), N_("Spica"), N_("Unukalhai"), N_("Vega"),
)  # fmt: skip


def _read(row: str) -> Star:
    name, hours, degrees, magnitude = row.split()
    return Star(name.replace("-", " "), float(hours), float(degrees), float(magnitude))


STARS = {star.name: star for star in map(_read, TABLE.strip().replace("\n", "|").split("|"))}
LINES = [
    (STARS[begin.replace("-", " ")], STARS[end.replace("-", " ")])
    for figure in FIGURES.strip().replace("\n", "|").split("|")
    for begin, end in zip(figure.split(), figure.split()[1:], strict=False)
]
