"""What the shop itself is called by, so that nothing of an owner's can be."""

# Start parameters that lead to the shop's own pages; an entitlement's key is one, too.
START_TARGETS = frozenset(
    {"upgrades", "purchases", "why", "support", "terms", "privacy", "settings", "language", "shop"}
)
# The first parts of the paths of the shop's own pages.
PATHS = frozenset(
    {"healthz", "language", "me", "metrics", "open", "orders", "pages", "privacy", "products", "proxies"}
    | {"purchases", "readyz", "refunds", "restorations", "session", "sessions", "settings", "shelf", "static"}
    | {"subscriptions", "support", "telegram", "terms", "upgrades", "why"}
    | {"apple-touch-icon.png", "apple-touch-icon-precomposed.png", "favicon.ico", "previews", "robots.txt"}
)
