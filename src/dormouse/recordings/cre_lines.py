"""Cortical layer of neurons from depth and Cre line, and whether a Cre line labels excitatory cells."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

# ASSUME borders of cortical layers at these depths of the imaging plane, micrometres (de Vries et al. 2020, figure 1)
LAYER_BORDERS_UM, CORTICAL_LAYERS = (250, 350, 500), ("2/3", "4", "5", "6")
# ASSUME lines that label layer 4 alone do so at every depth; by depth, their planes at 350 micrometres would be layer 5
LAYER_4_LINES = ("Scnn1a-Tg3-Cre", "Nr5a1-Cre")
EXCITATORY_LINES = (
    "Cux2-CreERT2",
    "Emx1-IRES-Cre",
    "Fezf2-CreER",
    "Nr5a1-Cre",
    "Ntsr1-Cre_GN220",
    "Rbp4-Cre_KL100",
    "Rorb-IRES2-Cre",
    "Scnn1a-Tg3-Cre",
    "Slc17a7-IRES2-Cre",
    "Tlx3-Cre_PL56",
)
INHIBITORY_LINES = ("Pvalb-IRES-Cre", "Sst-IRES-Cre", "Vip-IRES-Cre")


def cortical_layer(depth_um: float, cre_line: str) -> str:
    """Return the cortical layer of an imaging plane: 2/3, 4, 5 or 6; empty where its depth is unknown (NaN)."""
    if cre_line in LAYER_4_LINES:
        return "4"
    return "" if np.isnan(depth_um) else CORTICAL_LAYERS[np.searchsorted(LAYER_BORDERS_UM, depth_um, side="right")]


def excitatory(cre_lines: Iterable[str]) -> pd.Series:
    """Return whether the cells of Cre lines are excitatory, as nullable booleans; missing for unknown lines."""
    known = dict.fromkeys(EXCITATORY_LINES, True) | dict.fromkeys(INHIBITORY_LINES, False)
    return pd.Series([known.get(line, pd.NA) for line in cre_lines], dtype="boolean")
