"""The database's address as owners and hosts write it, and as SQLAlchemy and libpq take it."""

import re

from psycopg.pq import Conninfo
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

SPELLINGS = ("postgres://", "postgresql://", "postgresql+psycopg://")
REPEATED = {"host", "port"}  # several servers, one of which is the right one
SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
# What other programs' libraries call the same: pg of Node.js, asyncpg.
SAME = {
    ("sslmode", "no-verify"): ("sslmode", "require"),
    ("ssl", "no-verify"): ("sslmode", "require"),
    ("ssl", "require"): ("sslmode", "require"),
    ("ssl", "true"): ("sslmode", "require"),
    ("ssl", "1"): ("sslmode", "require"),
    ("ssl", "false"): ("sslmode", "disable"),
    ("ssl", "0"): ("sslmode", "disable"),
}
# What tells those libraries how to treat a pool or their own connections. The shop sees pools by itself.
NEEDLESS = {
    "pgbouncer",  # Prisma
    "connection_limit",
    "pool_timeout",
    "statement_cache_size",  # asyncpg
    "prepared_statements",  # Rails
    "supa",  # Supabase, for Vercel
    "workaround",
    "uselibpqcompat",  # pg of Node.js
}
SCHEMA = re.compile(r"\w+")


class UrlInvalid(ValueError):
    """The address cannot be used; the sentence says what is wrong with it and holds none of its values."""


def normal(url: str) -> str:
    """Return an address as SQLAlchemy spells it, with keys that libpq knows.

    :raise UrlInvalid: it is neither SQLite's nor PostgreSQL's, cannot be read, or has a key of no meaning
    """
    parsed = _parsed(url)
    if url.startswith("sqlite:///"):
        for key in parsed.query:
            raise UrlInvalid(f"DATABASE_URL: SQLite takes no {key}; leave it away.")
        return url
    spelling = next((one for one in SPELLINGS if url.startswith(one)), None)
    if spelling is None:
        raise UrlInvalid("DATABASE_URL must begin with sqlite:/// or postgres://.")
    query = _query(parsed)
    if query == dict(parsed.query):
        return f"postgresql+psycopg://{url.removeprefix(spelling)}"
    return parsed.set(drivername="postgresql+psycopg", query=query).render_as_string(hide_password=False)


def passwords(url: str) -> tuple[str, ...]:
    """Return every password in an address, without the signs by which addresses quote them."""
    parsed = make_url(url)
    found = (parsed.password, *(parsed.query.get(key) for key in ("password", "sslpassword")))
    return tuple(dict.fromkeys(str(one) for one in found if one))


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise UrlInvalid(
            "DATABASE_URL is not an address such as postgres://user:password@host/name; in a password, "
            "write characters such as @ : / # as %40 %3A %2F %23."
        ) from None


def _query(url: URL) -> dict[str, str | tuple[str, ...]]:
    query: dict[str, str | tuple[str, ...]] = {}
    for key, value in url.query.items():
        if isinstance(value, tuple) and key not in REPEATED:
            raise UrlInvalid(f"DATABASE_URL says {key} twice.")
        if key in NEEDLESS or (key, value) == ("schema", "public"):
            continue
        name, meant = SAME.get((key, str(value)), (key, value))
        if name != "schema":
            query[name] = meant
    if "schema" in url.query and url.query["schema"] != "public":
        query["options"] = _with_schema(query.get("options", ""), url.query["schema"])
    for key, meant in query.items():
        _check(key, meant)
    return query


def _with_schema(options: str | tuple[str, ...], schema: str | tuple[str, ...]) -> str:
    """Return libpq's options with what Prisma writes as schema=."""
    if not SCHEMA.fullmatch(str(schema)):
        raise UrlInvalid("DATABASE_URL: schema must be the name of a schema, in letters, digits and _.")
    return f"{options} -c search_path={schema}".strip()


def _check(key: str, value: str | tuple[str, ...]) -> None:
    if key not in {one.keyword.decode() for one in Conninfo.get_defaults()}:
        raise UrlInvalid(f"DATABASE_URL: PostgreSQL's library knows no {key}; leave it away.")
    if key == "sslmode" and value not in SSL_MODES:
        raise UrlInvalid(f"DATABASE_URL: sslmode must be one of {', '.join(sorted(SSL_MODES))}.")
    if key == "connect_timeout" and not re.fullmatch(r"(?a:\d{1,4})", str(value)):
        raise UrlInvalid("DATABASE_URL: connect_timeout must be a whole number of seconds.")
    if key == "client_encoding" and str(value).lower().replace("-", "") not in {"utf8", "unicode"}:
        raise UrlInvalid("DATABASE_URL: client_encoding must be utf8, in which people's names are written.")
