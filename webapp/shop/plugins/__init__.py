"""The owner's plugin.py: loaded once when a process starts, and what it adds to the shop.

``register(shop)`` gets a :class:`Shop`, which notes what is wanted; :mod:`webapp.views.plugged` puts it to
work. So a plug-in can be looked at where there is no shop, as ``catalog check`` does.
"""

import hashlib
import sys
from functools import lru_cache
from importlib import util
from types import ModuleType

from flask import current_app

from webapp.config import ConfigError
from webapp.shop.folder import Folder
from webapp.shop.plugins import faults, patience
from webapp.shop.plugins.faults import Refused
from webapp.shop.plugins.patience import TookTooLong
from webapp.shop.plugins.registered import Plugin
from webapp.shop.plugins.surface import Shop


def current() -> Plugin:
    """Return the plug-in of the shop at work; where there is none, one that registered nothing."""
    plugin: Plugin = current_app.extensions["plugin"]
    return plugin


@lru_cache
def load(folder: Folder) -> Plugin:
    """Return what the plug-in of a folder registers, or nothing where there is none.

    A process loads each folder's once.

    :raise webapp.config.ConfigError: it cannot be loaded or asks for what cannot be
    """
    if not folder.plugin.is_file():
        return Plugin(folder)
    name = f"starfront_shop_{hashlib.sha256(str(folder.path).encode()).hexdigest()[:12]}"
    try:
        with patience.limited():
            plugin = Plugin(folder, _imported(name, folder))
            _register(plugin)
    except (Exception, SystemExit, TookTooLong) as error:
        _forget(name)
        raise ConfigError(faults.told(error, folder.path)) from error
    return plugin


def _imported(name: str, folder: Folder) -> ModuleType:
    """Import plugin.py as a package, so that it finds its neighbours: ``from . import dates``."""
    spec = util.spec_from_file_location(name, folder.plugin, submodule_search_locations=[str(folder.path)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder.plugin} is no module")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _register(plugin: Plugin) -> None:
    register = getattr(plugin.module, "register", None)
    if not callable(register):
        raise Refused("there is no function register(shop).")
    register(Shop(plugin))


def _forget(name: str) -> None:
    for known in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[known]
