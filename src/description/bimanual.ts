/** Both arms as one robot: its description for viewers, and the frames of all its links for a pose of 14 numbers. */
import { ARM_JOINTS, ARMS, type Arm } from '../contract/robot.js';
import {
  axisQuaternion,
  linkTransform,
  readJoints,
  type LinkTransform,
  type Triple,
  type UrdfJoint,
} from './urdf.js';

/** Where an arm's base is in the world [m], and which way it looks [rad]. */
export interface Mount {
  readonly position: Triple;
  readonly yaw: number;
}

export interface BimanualOptions {
  /** URDF of one arm, whose root is `base_link`. */
  readonly armUrdf: string;
  readonly mounts: Readonly<Record<Arm, Mount>>;
  /** Position of the left finger [m] for a normalised opening; the right one's is its negative. */
  readonly fingerPosition: (opening: number) => number;
}

export const WORLD_FRAME = 'world';
const ROOT = 'base_link';
const Z: Triple = [0, 0, 1];

/** Frames are named as Interbotix's ALOHA names them (`follower_left/base_link`), joints as in every joint state of ours. */
const frameOf = (arm: Arm, link: string): string => `follower_${arm}/${link}`;
const jointOf = (arm: Arm, joint: string): string => `${arm}_${joint}`;

export class Bimanual {
  readonly #options: BimanualOptions;
  readonly #joints: readonly UrdfJoint[];

  /** Throws UrdfError. */
  constructor(options: BimanualOptions) {
    this.#options = options;
    this.#joints = readJoints(options.armUrdf);
  }

  /** URDF of both arms on their mounts. */
  get urdf(): string {
    const { armUrdf, mounts } = this.#options;
    const inside = /<robot\b[^>]*>(.*)<\/robot>/s.exec(armUrdf)?.[1] ?? '';
    const parts = ARMS.map((arm) => {
      const { position, yaw } = mounts[arm];
      const named = inside
        .replaceAll(/(<link name=|<(?:parent|child) link=)"([^"]*)"/g, (_, before: string, link: string) => {
          return `${before}"${frameOf(arm, link)}"`;
        })
        .replaceAll(
          /(<(?:joint|material) name=|<mimic joint=)"([^"]*)"/g,
          (_, before: string, name: string) => `${before}"${jointOf(arm, name)}"`,
        );
      return `${named}  <joint name="${jointOf(arm, 'mount')}" type="fixed">
    <origin xyz="${position.join(' ')}" rpy="0 0 ${yaw}"/>
    <parent link="${WORLD_FRAME}"/>
    <child link="${frameOf(arm, ROOT)}"/>
  </joint>
`;
    });
    return `<?xml version="1.0"?>\n<robot name="aloha">\n  <link name="${WORLD_FRAME}"/>${parts.join('')}</robot>\n`;
  }

  /** Frames of all links for `qpos`, shape (14,): rad, grippers normalised. */
  transforms(qpos: ArrayLike<number>): LinkTransform[] {
    return ARMS.flatMap((arm, index) => {
      const { position, yaw } = this.#options.mounts[arm];
      const own = (joint: number): number => qpos[index * ARM_JOINTS.length + joint]!;
      const finger = this.#options.fingerPosition(own(ARM_JOINTS.indexOf('gripper')));
      const at = (name: string): number => {
        if (name === 'left_finger') return finger;
        if (name === 'right_finger') return -finger;
        // What turns between the fingers follows them; how far nobody measures.
        const joint = ARM_JOINTS.findIndex((known) => known === name && known !== 'gripper');
        return joint < 0 ? 0 : own(joint);
      };
      return [
        {
          parent: WORLD_FRAME,
          child: frameOf(arm, ROOT),
          translation: position,
          rotation: axisQuaternion(Z, yaw),
        },
        ...this.#joints.map((joint) => {
          const { parent, child, ...rest } = linkTransform(joint, at);
          return { ...rest, parent: frameOf(arm, parent), child: frameOf(arm, child) };
        }),
      ];
    });
  }
}
