/** One arm's frames from its URDF, named as robot_state_publisher would with a `frame_prefix`. */
import type { RosMessage, RosTime } from './rosPort.js';

type Vector = readonly [number, number, number];
/** x, y, z, w */
type Quaternion = readonly [number, number, number, number];

interface Joint {
  readonly name: string;
  readonly type: string;
  readonly parent: string;
  readonly child: string;
  readonly xyz: Vector;
  readonly turn: Quaternion;
  readonly axis: Vector;
  readonly mimic?: { readonly joint: string; readonly multiplier: number; readonly offset: number };
}

export class Transforms {
  readonly #prefix: string;
  readonly #joints: readonly Joint[];

  /** @param urdf of one arm; only what kinematics need is read */
  constructor(urdf: string, namespace: string) {
    this.#prefix = `${namespace}/`;
    this.#joints = [...urdf.matchAll(/<joint name="([^"]+)" type="([^"]+)">(.*?)<\/joint>/gs)].map(
      ([, name = '', type = '', body = '']) => jointOf(name, type, body),
    );
  }

  /** tf2_msgs/TFMessage of what never moves. */
  fixed(stamp: RosTime): { readonly transforms: RosMessage[] } {
    const still = this.#joints.filter(({ type }) => type === 'fixed');
    return { transforms: still.map((joint) => this.#transform(stamp, joint, joint.xyz, joint.turn)) };
  }

  /** tf2_msgs/TFMessage of what moves, from a sensor_msgs/JointState of this arm. */
  moving(stamp: RosTime, { name, position }: RosMessage): RosMessage {
    const names = Array.isArray(name) ? name.map(String) : [];
    const positions = position instanceof Float64Array ? position : new Float64Array();
    const of = (joint: string): number => positions[names.indexOf(joint)] ?? 0;
    const moving = this.#joints.filter(({ type }) => type !== 'fixed');
    return {
      transforms: moving.map((joint) => {
        const { mimic, axis, xyz, turn } = joint;
        const value = mimic ? of(mimic.joint) * mimic.multiplier + mimic.offset : of(joint.name);
        return joint.type === 'prismatic'
          ? this.#transform(stamp, joint, add(xyz, rotate(turn, scale(axis, value))), turn)
          : this.#transform(stamp, joint, xyz, multiply(turn, around(axis, value)));
      }),
    };
  }

  #transform(stamp: RosTime, { parent, child }: Joint, at: Vector, turn: Quaternion): RosMessage {
    return {
      header: { stamp, frame_id: this.#prefix + parent },
      child_frame_id: this.#prefix + child,
      transform: {
        translation: { x: at[0], y: at[1], z: at[2] },
        rotation: { x: turn[0], y: turn[1], z: turn[2], w: turn[3] },
      },
    };
  }
}

function jointOf(name: string, type: string, body: string): Joint {
  const text = (pattern: RegExp): string => pattern.exec(body)?.[1] ?? '';
  const vector = (pattern: RegExp, absent: Vector): Vector => {
    const [x, y, z] = text(pattern).split(/\s+/).map(Number);
    return x === undefined || y === undefined || z === undefined ? absent : [x, y, z];
  };
  const [roll, pitch, yaw] = vector(/<origin[^>]*rpy="([^"]+)"/, [0, 0, 0]);
  const mimicked = text(/<mimic[^>]*joint="([^"]+)"/);
  return {
    name,
    type,
    parent: text(/<parent link="([^"]+)"/),
    child: text(/<child link="([^"]+)"/),
    xyz: vector(/<origin[^>]*xyz="([^"]+)"/, [0, 0, 0]),
    turn: multiply(around([0, 0, 1], yaw), multiply(around([0, 1, 0], pitch), around([1, 0, 0], roll))),
    axis: vector(/<axis xyz="([^"]+)"/, [1, 0, 0]),
    ...(mimicked !== '' && {
      mimic: {
        joint: mimicked,
        multiplier: Number(text(/<mimic[^>]*multiplier="([^"]+)"/) || 1),
        offset: Number(text(/<mimic[^>]*offset="([^"]+)"/) || 0),
      },
    }),
  };
}

const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const scale = (a: Vector, by: number): Vector => [a[0] * by, a[1] * by, a[2] * by];

function around([x, y, z]: Vector, angle: number): Quaternion {
  const s = Math.sin(angle / 2);
  return [x * s, y * s, z * s, Math.cos(angle / 2)];
}

function multiply(a: Quaternion, b: Quaternion): Quaternion {
  const [ax, ay, az, aw] = a;
  const [bx, by, bz, bw] = b;
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}

function rotate(q: Quaternion, [x, y, z]: Vector): Vector {
  const [rx, ry, rz] = multiply(multiply(q, [x, y, z, 0]), [-q[0], -q[1], -q[2], q[3]]);
  return [rx, ry, rz];
}
