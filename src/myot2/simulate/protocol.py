"""The examination: sequences with the study's timing, and the presets of the digital cohort.

Timing and geometry are those of the study (Wang F. et al., Eur Radiol 2023;33:2350): axial T2-weighted Dixon
TR/TE 5330/51 ms, T2 map TR 6690 ms with ten echoes TE 10-100 ms, FOV 420 x 231 mm, both 5 mm with a 1 mm gap; coronal
T1 6.73/2.46 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Sequence:
    """What the header of a series says about its sequence; times in ms, flip angle in degrees."""

    description: str
    sequence_name: str
    scanning_sequence: tuple[str, ...]
    sequence_variant: tuple[str, ...]
    repetition_time_ms: float
    echo_times_ms: tuple[float, ...]
    flip_angle_deg: float
    duration: str
    acquisition_type: str = "2D"
    scan_options: tuple[str, ...] = ()
    echo_train_length: int = 1


LOCALISER = Sequence("localizer", "*fl2d1", ("GR",), ("SP", "OSP"), 8.6, (4.0,), 20.0, "TA 00:14")
CORONAL_T1 = Sequence("t1_vibe_cor", "*fl3d1", ("GR",), ("SP", "OSP"), 6.73, (2.46,), 10.0, "TA 01:02", "3D")
DIXON = Sequence(
    "t2_tse_dixon_tra",
    "*tseDR2d1_13",
    ("SE",),
    ("SK", "SP", "OSP"),
    5330.0,
    (51.0,),
    150.0,
    "TA 03:34",
    echo_train_length=13,
)
MULTI_ECHO = Sequence(
    "t2_mese_tra_fs",
    "*se2d10",
    ("SE",),
    ("SP", "OSP"),
    6690.0,
    tuple(10.0 * echo for echo in range(1, 11)),
    180.0,
    "TA 02:18",
    scan_options=("FS",),
    echo_train_length=10,
)

MULTI_ECHO_WITH_FAT = replace(MULTI_ECHO, description="t2_mese_tra", scan_options=())
"""The same without fat suppression."""

FOV_MM = (420.0, 231.0)
"""Extent of both axial series along columns (left-right) and rows (anterior-posterior)."""

SLICE_THICKNESS_MM = 5.0
SLICE_GAP_MM = 1.0
PULSE_TIME_BANDWIDTH = 6.0
"""Time-bandwidth product of the excitation and refocusing pulses."""

REFOCUSING_WIDTH = 1.5
"""Thickness of the refocused slice, of the excited one."""


@dataclass(frozen=True)
class Preset:
    """A cohort and its matrix sizes (columns, rows).

    Attributes
    ----------
    fine_matrix : tuple of int
        Sub-voxels of the field of view from which both axial series are averaged.
    depth : int
        Sub-voxels through the slice thickness.
    """

    name: str
    patients: int
    controls: int
    slices: int
    dixon_matrix: tuple[int, int]
    multi_echo_matrix: tuple[int, int]
    fine_matrix: tuple[int, int]
    depth: int
    people: str = "held-out"


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("demo", 8, 4, 8, (240, 132), (160, 88), (480, 264), 3),
        # The people of the demo, few slices; for raw data, whose voxels are four sub-voxels wide.
        Preset("kspace", 8, 4, 4, (240, 132), (160, 90), (640, 360), 3),
        Preset("study", 64, 10, 30, (320, 176), (254, 140), (640, 352), 3),
    )
}


@dataclass(frozen=True)
class Conditions:
    """What can be set for an examination.

    Attributes
    ----------
    refocusing : {'ideal', 'realistic'}
        Whether the multi-echo pulses refocus by exactly 180 degrees everywhere.
    motion_mm : float
        Displacement of the legs between the Dixon and the multi-echo series, 0 to 8 mm.
    snr : float
        Mean signal of healthy muscle in the first echo over the noise of one channel; the Dixon series have 0.6 of it.
    vendor_sd_ms : float
        Standard deviation of the vendor T2 map in healthy muscle.
    residual_fat : float
        Median fraction of fat that survives saturation.
    fat_suppression : bool
        Whether the multi-echo series is fat-saturated.
    """

    refocusing: str = "realistic"
    motion_mm: float = 0.0
    snr: float = 50.0
    vendor_sd_ms: float = 1.0
    residual_fat: float = 0.03
    fat_suppression: bool = True

    def __post_init__(self) -> None:
        if self.refocusing not in ("ideal", "realistic"):
            raise ValueError(f"refocusing is 'ideal' or 'realistic', not {self.refocusing!r}")
        if not 0 <= self.motion_mm <= 8:
            raise ValueError(f"motion between series is 0 to 8 mm, not {self.motion_mm}")
        if not self.snr > 0:
            raise ValueError(f"the SNR is positive, not {self.snr}")
