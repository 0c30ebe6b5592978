"""Write the folder of a trained nnU-Net model with random weights, by nnU-Net's own classes.

Run by the Python that nnU-Net is installed in: `python nnunet_random_model.py FOLDER LABEL...`; nothing of MyoT2 or of
the tests is imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
PLANS = {
    "dataset_name": "Dataset001_Random",
    "plans_name": "nnUNetPlans",
    "original_median_spacing_after_transp": [6.0, 2.0, 2.0],
    "original_median_shape_after_transp": [6, 80, 150],
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "experiment_planner_used": "ExperimentPlanner",
    "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {"0": {}},
    "configurations": {
        "3d_fullres": {
            "data_identifier": "nnUNetPlans_3d_fullres",
            "preprocessor_name": "DefaultPreprocessor",
            "batch_size": 2,
            "patch_size": [8, 64, 64],
            "median_image_size_in_voxels": [6, 80, 150],
            "spacing": [6.0, 2.0, 2.0],
            "normalization_schemes": ["ZScoreNormalization"],
            "use_mask_for_norm": [False],
            "resampling_fn_data": "resample_data_or_seg_to_shape",
            "resampling_fn_seg": "resample_data_or_seg_to_shape",
            "resampling_fn_data_kwargs": RESAMPLING,
            "resampling_fn_seg_kwargs": {**RESAMPLING, "is_seg": True},
            "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
            "resampling_fn_probabilities_kwargs": RESAMPLING,
            "architecture": {
                "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                "arch_kwargs": {
                    "n_stages": 3,
                    "features_per_stage": [4, 8, 8],
                    "conv_op": "torch.nn.modules.conv.Conv3d",
                    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
                    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
                    "n_conv_per_stage": [1, 1, 1],
                    "n_conv_per_stage_decoder": [1, 1],
                    "conv_bias": True,
                    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                    "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                    "dropout_op": None,
                    "dropout_op_kwargs": None,
                    "nonlin": "torch.nn.LeakyReLU",
                    "nonlin_kwargs": {"inplace": True},
                },
                "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
            },
        }
    },
}


def main(folder: Path, labels: list[str]) -> None:
    """Write dataset.json, plans.json and two folds, as nnUNetTrainer.save_checkpoint does."""
    dataset = {
        "channel_names": {"0": "MR"},
        "labels": {"background": 0, **{label: number for number, label in enumerate(labels, start=1)}},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / "plans.json").write_text(json.dumps(PLANS))
    plans = PlansManager(PLANS)
    for fold in (0, 1):
        torch.manual_seed(fold)
        network = nnUNetTrainer.build_network_architecture(
            plans, plans.get_configuration("3d_fullres"), 1, len(labels) + 1, enable_deep_supervision=False
        )
        checkpoint = {
            "network_weights": network.state_dict(),
            "optimizer_state": torch.optim.SGD(network.parameters(), 0.01, momentum=0.99).state_dict(),
            "grad_scaler_state": None,
            "logging": {"mean_fg_dice": [np.float64(0.5)], "ema_fg_dice": [np.float32(0.5)]},
            "_best_ema": np.float64(0.5),
            "current_epoch": 1,
            "init_args": {"plans": PLANS, "configuration": "3d_fullres", "fold": fold, "dataset_json": dataset},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": (0, 1),
        }
        (folder / f"fold_{fold}").mkdir()
        torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
