/** One arm's frames, named as robot_state_publisher would with a `frame_prefix`. */
import type { RosMessage, RosTime } from './rosPort.js';

type Vector = readonly [number, number, number];
/** x, y, z, w */
type Quaternion = readonly [number, number, number, number];

/** Where a link is in its parent's frame. */
export interface Frame {
  readonly parent: string;
  readonly child: string;
  /** [m] */
  readonly translation: Vector;
  readonly rotation: Quaternion;
}

/** A joint as it moves the link behind it. */
export interface FrameJoint {
  readonly isFixed: boolean;
  /** @param position of a joint by its name [rad], or [m] where it slides */
  frame(position: (name: string) => number): Frame;
}

export class Transforms {
  readonly #prefix: string;
  readonly #joints: readonly FrameJoint[];

  /** @param joints of one arm */
  constructor(joints: readonly FrameJoint[], namespace: string) {
    this.#prefix = `${namespace}/`;
    this.#joints = joints;
  }

  /** tf2_msgs/TFMessage of what never moves. */
  fixed(stamp: RosTime): { readonly transforms: RosMessage[] } {
    return { transforms: this.#told(stamp, true, () => 0) };
  }

  /** tf2_msgs/TFMessage of what moves, from a sensor_msgs/JointState of this arm. */
  moving(stamp: RosTime, { name, position }: RosMessage): RosMessage {
    const names = Array.isArray(name) ? name.map(String) : [];
    const positions = position instanceof Float64Array ? position : new Float64Array();
    return { transforms: this.#told(stamp, false, (joint) => positions[names.indexOf(joint)] ?? 0) };
  }

  #told(stamp: RosTime, isFixed: boolean, position: (name: string) => number): RosMessage[] {
    return this.#joints
      .filter((joint) => joint.isFixed === isFixed)
      .map((joint) => {
        const { parent, child, translation, rotation } = joint.frame(position);
        return {
          header: { stamp, frame_id: this.#prefix + parent },
          child_frame_id: this.#prefix + child,
          transform: {
            translation: { x: translation[0], y: translation[1], z: translation[2] },
            rotation: { x: rotation[0], y: rotation[1], z: rotation[2], w: rotation[3] },
          },
        };
      });
  }
}
