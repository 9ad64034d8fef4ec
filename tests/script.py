"""``make script``: static/starfront.min.js, which is htmx and our own parts as small as terser makes them.

The shop serves it as long as it is of the sources that lie beside it, and else those (assets.script). A test
builds it anew and compares.
"""

import subprocess
import sys
import tempfile

from tests import trimming
from tests.kit import npm
from webapp.web import assets

TERSER = "terser@5.51.4"
MINIFY = """
const fs = require("fs");
globalThis.sourceMap = {};  // of which terser's bundle only wants that it is there
Function("exports", "define", fs.readFileSync(process.argv[1], "utf8"))();  // as in a browser
const options = { compress: { passes: 3 }, format: { comments: false } };
Terser.minify(fs.readFileSync(0, "utf8"), options).then(({ code }) => process.stdout.write(code));
"""


def build() -> str:
    """Return the file as it is to be."""
    htmx = trimming.trim((assets.ROOT / assets.HTMX).read_text("utf-8"))
    return f"// {assets.script_digest()}\n{_minified(assets.joined(htmx))}\n"


def _minified(script: str) -> str:
    with tempfile.NamedTemporaryFile(suffix=".js") as terser:
        terser.write(npm.read(TERSER, "dist/bundle.min.js"))
        terser.flush()
        command = [npm.NODE, "-e", MINIFY, terser.name]
        done = subprocess.run(command, input=script, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        raise RuntimeError(f"terser ended with {done.returncode}: {done.stderr.strip()[:500]}")
    return done.stdout


def main() -> int:
    """Write the file."""
    (assets.ROOT / assets.BUILT).write_text(build(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
