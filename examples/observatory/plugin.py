"""The pages of this shop that are calculated: the atlas, tonight's sky and the field notes."""

from . import atlas as deep_sky
from . import exposures, sky


def register(shop):
    """Add the three pages; catalog.toml says which upgrade opens each."""

    @shop.route("/atlas")
    def atlas():
        return shop.gated_page("atlas", "atlas.html", objects=deep_sky.OBJECTS)

    @shop.route("/tonight")
    def tonight():
        return shop.gated_page("tonight", "tonight.html", tonight=sky.tonight(shop.now()))

    @shop.route("/field-notes")
    def field_notes():
        facts = {"table": exposures.table(), "sensors": exposures.SENSORS}
        return shop.gated_page("field-notes", "field_notes.html", **facts)

    shop.start_target("atlas", atlas)
    shop.start_target("tonight", tonight)
    shop.start_target("field-notes", field_notes)
