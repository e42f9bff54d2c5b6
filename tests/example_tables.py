"""Tables of every name, with values of the right types."""

import pandas as pd
import pyarrow as pa

from dormouse.columns import TABLES

VALUES = {pa.string(): ["a", "b"], pa.float64(): [0.25, -1.5], pa.int64(): [1, 2], pa.bool_(): [True, False]}


def example(name):
    """Two rows of a table, with values of the right types."""
    return pd.DataFrame({column: VALUES[kind] for column, (kind, _) in TABLES[name].items()})
