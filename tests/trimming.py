"""htmx without the parts that no page of this shop uses: a seventh of its bytes on the wire.

The file in static/ stays as it was published; what is served is that file with the bodies of these
functions replaced. Their names are those of the pinned version. ``USED`` is what remains, and a test
refuses a template that asks for more.
"""

import re

USED = frozenset(
    {
        "boost",
        "delete",
        "disabled-elt",
        "get",
        "inherit",
        "post",
        "put",
        "swap",
        "swap-oob",
        "sync",
        "target",
        "trigger",
    }
)

# What each function does instead, in the names of its own parameters.
INSTEAD = {
    # Nothing is evaluated: no filters in triggers, no hx-on, hx-vars, hx-vals, hx-headers or hx-request.
    **dict.fromkeys(("e", "Tn", "rt", "nt", "gt", "Dt", "Pt", "ke", "Ct", "Tt", "Ht"), ""),
    "On": "return o||{}",
    "qn": "return{}",
    "Hn": "",
    "Rn": "",
    # No scripts and no styles are put in.
    "r": "",
    "i": "",
    "k": 'e.querySelectorAll("script").forEach(e=>e.remove())',
    "Zn": "",
    # No extensions.
    **dict.fromkeys(("_n", "zn", "Jn", "Vt"), ""),
    "Kn": "return[]",
    "Oe": 'return t==="outerHTML"',
    # Swapping is outerHTML or innerHTML; nothing is preserved, and there are no partials.
    **dict.fromkeys(("Me", "Fe", "Be", "Xe", "Ue", "He", "Re", "$e"), ""),
    "Ve": 't==="outerHTML"?Pe(n,r,o):je(n,r,o)',
    # Pages are not kept in the browser: history asks for them anew.
    **dict.fromkeys(("Jt", "Gt", "Kt", "U", "j", "_t"), ""),
    "Wt": 'history.replaceState({htmx:true},"",location.href)',
    "tn": "Wt();en(e||location.pathname+location.search)",
    "en": 'ae(ee().body,"htmx:historyCacheMiss",{path:e})',
    # Forms hold nameless buttons and hidden fields: nothing to check, one value a name, no files.
    **dict.fromkeys(("hn", "Pn", "wn", "kt", "qt", "At", "Lt", "Nt"), ""),
    "xn": "return n",
    "Sn": "return mn(r)",
    # Nothing is triggered by being seen.
    "Et": 'if(!t.firstInitCompleted&&e.trigger==="load"){wt(le(r),n,t,e.delay)}'
    "else if(e.pollInterval>0){t.polling=true;ut(le(r),n,e)}else{mt(r,n,t,e)}",
    # Nothing takes on its new looks bit by bit.
    **dict.fromkeys(("qe", "Ce", "Ee"), ""),
    # Nothing waits to be scrolled to, and nobody calls these.
    **dict.fromkeys(("bt", "vt", "B", "$", "_", "G", "W", "z", "V", "ye", "Qt", "Ne", "ct"), ""),
}


def trim(script: str) -> str:
    """Return the script with each of those functions doing what stands above instead."""
    for name, body in INSTEAD.items():
        begin, end = _body(script, name)
        script = script[:begin] + body + script[end:]
    return script


def _body(script: str, name: str) -> tuple[int, int]:
    """Return where the body of a function begins and ends.

    :raise ValueError: there is no such function
    """
    head = re.search(rf"function {re.escape(name)}\([^)]*\){{", script)
    if head is None:
        raise ValueError(f"no function {name}")
    depth, at = 1, head.end()
    # Texts may hold braces that count for nothing; regular expressions in these functions hold none.
    for token in re.finditer(r"""[{}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", script[at:]):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return at, at + token.start()
    raise ValueError(f"function {name} does not end")
