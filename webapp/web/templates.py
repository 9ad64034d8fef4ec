"""Templates: the owner's before the shop's, kept as a process met them, and judged before they are shown."""

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from flask import Flask
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)

from webapp.config import ConfigError
from webapp.i18n import languages, localize
from webapp.shop.folder import ROOT, Folder, Unreadable, read_file
from webapp.shop.plugins import faults
from webapp.shop.plugins.registered import Plugin
from webapp.web import pages

OURS = ROOT / "templates"
RENDERING = frozenset({"page", "gated_page"})  # of what a plug-in may use: see webapp.shop.plugins.surface


def loader(folder: Folder, *, is_debug: bool = False) -> BaseLoader:
    """Return the owner's templates before the shop's, which stay there as starfront/NAME to be extended.

    :raise webapp.config.ConfigError: one of them cannot be read
    """
    kind = FileSystemLoader if is_debug else _KeptTemplates
    ours = kind(OURS)
    return ChoiceLoader([kind(folder.templates), ours, PrefixLoader({"starfront": ours})])


def add_filters(environment: Environment, plugin: Plugin) -> None:
    """Give templates the filters of a plug-in.

    :raise webapp.config.ConfigError: one is called like one of the shop's
    """
    for name, function in plugin.filters.items():
        if name in environment.filters:
            raise ConfigError(f"{faults.place_of(function)}: there is a filter {name!r} already.")
        environment.filters[name] = function


def problems(folder: Folder, plugin: Plugin) -> Iterator[str]:
    """Yield what is wrong with an owner's templates, a sentence each, where no shop is at work."""
    app = Flask(__name__, static_folder=None)
    try:
        app.jinja_loader = loader(folder)
        # The owner's words are judged by themselves, and no template needs them to compile.
        localize.init_app(app, languages.FOLDER)
        pages.init_app(app)
        add_filters(app.jinja_env, plugin)
    except ConfigError as error:
        yield from error.sentences
    else:
        yield from problems_in(app.jinja_env, folder)


def problems_in(environment: Environment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with an owner's templates: what does not compile, and what names none there is."""
    known = set(environment.list_templates())
    for file in sorted(folder.templates.rglob("*.html")):
        name = file.relative_to(folder.templates).as_posix()
        try:
            source, _file, _is_current = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
            environment.get_template(name)
        except TemplateSyntaxError as error:
            yield f"templates/{name}, line {error.lineno}: {error.message}"
            continue
        for other in meta.find_referenced_templates(environment.parse(source)):
            if other is not None and other not in known:
                yield f"templates/{name}: there is no template {other!r}."
    for place, name in _rendered(folder):
        if name not in known:
            yield f"{place}: there is no template {name!r}."


class _KeptTemplates(BaseLoader):
    """Templates as they are now: a process must not meet those of the next release, as after a git pull."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = sorted(folder.rglob("*.html"))
        self.sources = {file.relative_to(folder).as_posix(): _read(file, folder) for file in files}

    def get_source(self, _environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self.sources:
            raise TemplateNotFound(template)
        return self.sources[template], str(self.folder / template), lambda: True

    def list_templates(self) -> list[str]:
        return list(self.sources)


def _read(file: Path, folder: Path) -> str:
    try:
        return read_file(file)
    except Unreadable as error:
        raise ConfigError(f"templates/{file.relative_to(folder).as_posix()} {error}.") from error


def _rendered(folder: Folder) -> Iterator[tuple[str, str]]:
    """Yield each template that the owner's Python names, and where."""
    for file in sorted(folder.path.glob("*.py")) if folder.plugin.is_file() else ():
        for node in _nodes(file):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in RENDERING:
                said = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
                yield from ((_place(file, node), name) for name in said if name.endswith(".html"))


def _nodes(file: Path) -> Iterator[ast.AST]:
    with suppress(SyntaxError, OSError):  # of a file that nothing imports
        yield from ast.walk(ast.parse(file.read_bytes()))


def _place(file: Path, node: ast.Call) -> str:
    return f"{faults.named(file)}, line {node.lineno}"
