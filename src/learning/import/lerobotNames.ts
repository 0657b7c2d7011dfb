/** Names that LeRobot gives to what a policy reads and gives; source: huggingface/lerobot utils/constants.py. */
import type { Normalisation } from '../../contract/checkpoint.js';

export const STATE = 'observation.state';
/** Followed by the camera's name. */
export const IMAGES = 'observation.images.';
export const ENVIRONMENT = 'observation.environment_state';
export const ACTION = 'action';

/** ImageNet's, which LeRobot puts in the place of a dataset's own by default (use_imagenet_stats). */
export const IMAGE_STATISTICS: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
