"""Tables as HTML that can be read without scripts: a caption, heads with a scope, numbers to three decimals."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from types import MappingProxyType
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup, escape
from pandas.api.types import is_numeric_dtype

MANY = 15  # columns, above which a table is printed smaller
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
    numbers = [is_numeric_dtype(kind) for kind in table.dtypes[1:]]
    left = sum(numbers) <= len(numbers) / 2  # a table of words; else those among numbers are marked
    head = "".join(f"<th scope=col{' data-filter' * (name in filters)}>{escape(name)}" for name in table.columns)
    known = [links if name == "network" else NONE for name in table.columns]
    opened = ["<tr><th scope=row>", *("<td>" if left or is_number else "<td class=l>" for is_number in numbers)]
    body = "".join(_row(row, known, opened) for row in table.itertuples(index=False, name=None))
    classes = " ".join(filter(None, [kind, "left" * left, "many" * (len(table.columns) > MANY)]))
    named, of_kind = escape(caption), f' class="{classes}"' if classes else ""
    return Markup(
        f'<div class=wide tabindex=0 role=group aria-label="{named}"><table{of_kind}><caption>{named}</caption>'
        f"<thead><tr>{head}<tbody>{body}</table></div>"
    )


def _row(cells: Sequence[Cell], known: Sequence[Mapping[str, Markup]], opened: Sequence[str]) -> str:
    """Return a row, without the ends of tags that HTML lets one leave out: they would be a tenth of the report."""
    return "".join(
        f"{start}{links[cell] if cell in links else text_of(cell)}"
        for start, cell, links in zip(opened, cells, known, strict=True)
    )


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
