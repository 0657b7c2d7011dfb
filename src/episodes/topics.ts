/** Topic names of an episode file. Arm topics follow Interbotix's ALOHA namespaces (`/follower_left/joint_states`). */
import type { Arm } from '../contract/robot.js';
import type { CameraName } from '../contract/camera.js';

export const stateTopic = (arm: Arm): string => `/follower_${arm}/joint_states`;
export const commandTopic = (arm: Arm): string => `/follower_${arm}/commands`;
export const imageTopic = (camera: CameraName): string => `/${camera}/image/compressed`;
export const REWARD_TOPIC = '/reward';
export const EVENT_TOPIC = '/events';
export const PHYSICS_TOPIC = '/simulation/physics_state';
export const ENVIRONMENT_TOPIC = '/simulation/environment_state';

/** Camera of an image topic, or undefined for any other topic. */
export const cameraOfTopic = (topic: string): CameraName | undefined =>
  /^\/(.+)\/image\/compressed$/.exec(topic)?.[1];

/** Names of the metadata records. */
export const METADATA = {
  episode: 'alohad.episode',
  outcome: 'alohad.outcome',
  recovery: 'alohad.recovery',
} as const;
