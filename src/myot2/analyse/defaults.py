"""How often is drawn where nobody says otherwise. Imports nothing: a plan is read while the workflow is parsed."""

from __future__ import annotations

RESAMPLES = 2000
"""Bootstrap samples, as pROC draws by default."""

IMPUTATIONS = 20
"""Imputed tables (White, Royston and Wood, Stat Med 2011;30:377: at least the percentage of people with a gap)."""
