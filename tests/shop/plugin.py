"""Three pages that upgrades open, in the place of what an owner would have there."""

PAGES = {
    "atlas": ("Deep Sky Atlas", "deep-sky-atlas.svg", "The Whirlpool"),
    "tonight": ("Tonight's Sky", "tonight-week.svg", "The Moon ahead"),
    "field-notes": ("Field Notes", "night-photography.svg", "Focus on a star"),
}


def register(shop):
    for key, (title, picture, inside) in PAGES.items():
        add(shop, key, title, picture, inside)


def add(shop, key, title, picture, inside):
    def view():
        return shop.gated_page(key, "gated.html", inside=inside)

    view.__name__ = key.replace("-", "_")
    shop.route(f"/{key}")(view)
    shop.start_target(key, view)
    shop.gated(key, f"/{key}", title=title, picture=picture)
