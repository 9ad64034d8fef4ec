"""``python -m bench``: every figure, one after the other."""

import subprocess
import sys

for name in ("catalogue", "pages", "rendering", "buying", "session", "invoices", "charges", "way", "growth"):
    print(f"\n== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False)
print("\nbench/init_data.py compares with other packages: see its first lines for what it wants installed.")
