"""The JavaScript libraries of the report, as they stand in it: DataTables as itables ships it, and Vega as vl-convert does.

They are text until the script of the page runs them, when what needs them comes near: run at once, they would take half of the
time in which the page opens.
"""

import re
from functools import cache
from importlib.resources import files

import vl_convert
from markupsafe import Markup


@cache
def datatables() -> Markup:
    """Return DataTables and jQuery as a script that makes them known to the scripts behind it, as `window.jQuery`."""
    module = files("itables").joinpath("html/dt_bundle.js").read_text(encoding="utf-8")
    code, exports = re.subn(r"export\{(.*?)\}", _as_globals, module)
    if exports != 1:
        raise ValueError(f"itables: dt_bundle.js has {exports} statements `export {{...}}`, where one was expected.")
    return as_script(code)


def _as_globals(export: re.Match) -> str:
    names = (part.split(" as ") for part in export[1].split(","))
    return f"Object.assign(window,{{{','.join(f'{name}:{own}' for own, name in names if name != 'default')}}})"


@cache
def vega() -> Markup:
    """Return Vega-Embed, with Vega and Vega-Lite, as a script that makes it known as `window.vegaEmbed`."""
    return as_script(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def as_script(code: str) -> Markup:
    """Return JavaScript as it may stand in a page: names of its own, and nothing in it that ends the script."""
    return Markup("(()=>{" + code.replace("</script", "<\\/script").replace("<!--", "<\\!--") + "})()")
