/**
 * The joints of a robot description (URDF), and where its links are for given joint positions. Reads what urdf/make.js
 * and xacro write; shapes and masses are left to viewers.
 */
import { AlohadError } from '../contract/errors.js';

/** [m], [rad], or a direction. */
export type Triple = readonly [number, number, number];
/** x, y, z, w, as ROS has them. */
export type Quaternion = readonly [number, number, number, number];

export interface UrdfJoint {
  readonly name: string;
  readonly type: string;
  readonly parent: string;
  readonly child: string;
  /** Of the child's frame in the parent's, at position 0 [m], [rad]. */
  readonly xyz: Triple;
  readonly rpy: Triple;
  readonly axis: Triple;
}

/** Where a link's frame is in its parent's. */
export interface LinkTransform {
  readonly parent: string;
  readonly child: string;
  readonly translation: Triple;
  readonly rotation: Quaternion;
}

export class UrdfError extends AlohadError {}

const TURNING: readonly string[] = ['revolute', 'continuous'];

/** Throws UrdfError. */
export function readJoints(urdf: string): UrdfJoint[] {
  const text = urdf.replaceAll(/<!--.*?-->/gs, '');
  return [...text.matchAll(/<joint\b([^>]*?)>(.*?)<\/joint>/gs)].map(([, head = '', body = '']) => {
    const name = attribute(head, 'name') ?? '';
    const inside = (tag: string, key: string): string | undefined =>
      attribute(new RegExp(`<${tag}\\b([^>]*)>`).exec(body)?.[1] ?? '', key);
    const [type, parent, child] = [
      attribute(head, 'type'),
      inside('parent', 'link'),
      inside('child', 'link'),
    ];
    if (type === undefined || parent === undefined || child === undefined)
      throw new UrdfError(`joint "${name}" of the robot description lacks its type, parent or child`);
    return {
      name,
      type,
      parent,
      child,
      xyz: triple(name, inside('origin', 'xyz') ?? '0 0 0'),
      rpy: triple(name, inside('origin', 'rpy') ?? '0 0 0'),
      axis: triple(name, inside('axis', 'xyz') ?? '1 0 0'),
    };
  });
}

/** @param position of a joint by its name [rad], or [m] where it slides; 0 for those that are not known */
export function linkTransform(joint: UrdfJoint, position: (name: string) => number): LinkTransform {
  const { parent, child, xyz, rpy, axis, type, name } = joint;
  const fixed = eulerQuaternion(rpy);
  const at = position(name);
  const turns = TURNING.includes(type);
  const slide = type === 'prismatic' ? rotated(fixed, scaled(axis, at)) : ([0, 0, 0] as const);
  return {
    parent,
    child,
    translation: [xyz[0] + slide[0], xyz[1] + slide[1], xyz[2] + slide[2]],
    rotation: turns ? product(fixed, axisQuaternion(axis, at)) : fixed,
  };
}

/** Rotation about a direction of length 1. */
export function axisQuaternion(axis: Triple, angle: number): Quaternion {
  const s = Math.sin(angle / 2);
  return [axis[0] * s, axis[1] * s, axis[2] * s, Math.cos(angle / 2)];
}

/** Roll, pitch, yaw about fixed axes, as URDF means them. */
function eulerQuaternion([roll, pitch, yaw]: Triple): Quaternion {
  const about = (axis: Triple, angle: number): Quaternion => axisQuaternion(axis, angle);
  return product(about([0, 0, 1], yaw), product(about([0, 1, 0], pitch), about([1, 0, 0], roll)));
}

const scaled = (v: Triple, by: number): Triple => [v[0] * by, v[1] * by, v[2] * by];

function product([ax, ay, az, aw]: Quaternion, [bx, by, bz, bw]: Quaternion): Quaternion {
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}

function rotated(q: Quaternion, v: Triple): Triple {
  const [x, y, z] = product(product(q, [...v, 0]), [-q[0], -q[1], -q[2], q[3]]);
  return [x, y, z];
}

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1];

function triple(joint: string, text: string): Triple {
  const [x, y, z, ...more] = text.trim().split(/\s+/).map(Number);
  if (x === undefined || y === undefined || z === undefined || more.length > 0 || Number.isNaN(x + y + z))
    throw new UrdfError(`joint "${joint}" of the robot description: "${text}" is not three numbers`);
  return [x, y, z];
}
