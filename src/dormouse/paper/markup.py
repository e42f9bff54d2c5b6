"""Tables as HTML that can be read without scripts: a caption, heads with a scope, numbers to three decimals."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from types import MappingProxyType
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup, escape
from pandas.api.types import is_numeric_dtype

Cell = str | float | None
NONE: Mapping[str, Markup] = MappingProxyType({})


def html_table(
    table: pd.DataFrame, caption: str, *, kind: str = "", filters: Sequence[str] = (), links: Mapping[str, Markup] = NONE
) -> Markup:
    """Return a table as HTML; the first column names the rows.

    Parameters
    ----------
    caption : what the table shows
    kind : class of the table; `sortable` ones are sorted and searched by the scripts of the page
    filters : columns by whose values the scripts let one filter
    links : what stands in the place of names in the column `network`, see `network_links`
    """
    head = "".join(f"<th scope=col{' data-filter' * (name in filters)}>{escape(name)}</th>" for name in table.columns)
    known = [links if name == "network" else NONE for name in table.columns]
    opened = ["<td>" if is_numeric_dtype(kind) else "<td class=l>" for kind in table.dtypes]
    body = "".join(_row(row, known, opened) for row in table.itertuples(index=False, name=None))
    named, of_kind = escape(caption), f" class={kind}" if kind else ""
    return Markup(
        f'<div class=wide tabindex=0 role=group aria-label="{named}"><table{of_kind}><caption>{named}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[Cell], links: Sequence[Mapping[str, Markup]], opened: Sequence[str]) -> str:
    first, *rest = (known[cell] if cell in known else text_of(cell) for cell, known in zip(cells, links, strict=True))
    others = "".join(f"{start}{cell}</td>" for start, cell in zip(opened[1:], rest, strict=True))
    return f"<tr><th scope=row>{first}</th>{others}</tr>"


def text_of(cell: Cell) -> str:
    """Return a cell as HTML: yes or no, whole numbers with thousands apart, others to three decimals; nothing for missing."""
    if isinstance(cell, bool) or type(cell).__name__ == "bool":
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return escape(cell)
    if pd.isna(cell):
        return ""
    if isinstance(cell, Integral):
        return f"{cell:,}"
    return number(cell) if isinstance(cell, Real) else escape(str(cell))


def number(value: float, digits: int = 3) -> str:
    """Return a number to so many decimals, without a sign before zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def network_id(model: str) -> str:
    """Return the place of a network's own part in the page."""
    return f"network-{model}"


def network_links(models: pd.DataFrame) -> dict[str, Markup]:
    """Return for each network, by its name in figures, this name as a link to its own part of the page."""
    return {
        name: Markup('<a href="#{}">{}</a>').format(quote(network_id(model)), name)
        for model, name in zip(models.model, models.display_name, strict=True)
    }
