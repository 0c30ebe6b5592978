"""All makes of scanner by name."""

from __future__ import annotations

from myot2.simulate.scanners.ge import GE, GE_NAMED
from myot2.simulate.scanners.header import Scanner
from myot2.simulate.scanners.philips import PHILIPS
from myot2.simulate.scanners.philips_enhanced import PHILIPS_ENHANCED, PHILIPS_ENHANCED_ALONE
from myot2.simulate.scanners.siemens import SIEMENS, SIEMENS_SPLIT
from myot2.simulate.scanners.siemens_xa import SIEMENS_XA, SIEMENS_XA_WHOLE
from myot2.simulate.scanners.standard import CANON, UIH

SCANNERS: dict[str, Scanner] = {
    "siemens": SIEMENS,
    "siemens-split": SIEMENS_SPLIT,
    "siemens-xa": SIEMENS_XA,
    "siemens-xa-whole": SIEMENS_XA_WHOLE,
    "philips": PHILIPS,
    "philips-enhanced": PHILIPS_ENHANCED,
    "philips-enhanced-alone": PHILIPS_ENHANCED_ALONE,
    "ge": GE,
    "ge-named": GE_NAMED,
    "uih": UIH,
    "canon": CANON,
}
