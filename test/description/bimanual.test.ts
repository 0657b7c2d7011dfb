import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import loadMujoco from '@mujoco/mujoco';
import { Bimanual } from '#alohad/description/bimanual.js';
import { linkTransform, readJoints } from '#alohad/description/urdf.js';
import { fingerPosition } from '#alohad/simulation/gripper.js';
import { MOUNTS } from '#alohad/simulation/kinematics.js';

const armUrdf = readFileSync(new URL('../../urdf/vx300s.urdf', import.meta.url), 'utf8');
const robot = new Bimanual({ armUrdf, mounts: MOUNTS, fingerPosition });
const POSE = [0.3, -0.8, 0.9, 0.4, 0.5, -0.6, 0.7, -0.2, -0.9, 1.1, -0.4, -0.3, 0.5, 0.2];

describe('the frames of both arms', () => {
  it('are where MuJoCo puts the links of the description of both arms', async () => {
    const mujoco = await loadMujoco();
    // MuJoCo merges what is fixed to the world unless it is told not to.
    const keep = '<mujoco><compiler fusestatic="false" discardvisual="false"/></mujoco>';
    const model = mujoco.MjModel.from_xml_string(robot.urdf.replace('</robot>', `${keep}</robot>`));
    const data = new mujoco.MjData(model);
    const id = (kind: 'mjOBJ_JOINT' | 'mjOBJ_BODY', name: string): number =>
      mujoco.mj_name2id(model, mujoco.mjtObj[kind].value, name);
    const { qpos, xpos }: { qpos: Float64Array; xpos: Float64Array } = data;
    const addresses: { jnt_qposadr: Int32Array } = model;
    const set = (joint: string, value: number): void => {
      qpos[addresses.jnt_qposadr[id('mjOBJ_JOINT', joint)]!] = value;
    };
    ['left', 'right'].forEach((arm, index) => {
      ['waist', 'shoulder', 'elbow', 'forearm_roll', 'wrist_angle', 'wrist_rotate'].forEach((joint, i) => {
        set(`${arm}_${joint}`, POSE[index * 7 + i]!);
      });
      const finger = fingerPosition(POSE[index * 7 + 6]!);
      set(`${arm}_left_finger`, finger);
      set(`${arm}_right_finger`, -finger);
    });
    mujoco.mj_kinematics(model, data);

    const world = new Map([['world', { at: [0, 0, 0], turn: [0, 0, 0, 1] }]]);
    for (const { parent, child, translation, rotation } of robot.transforms(POSE)) {
      const { at, turn } = world.get(parent)!;
      const moved = turned(turn, translation);
      world.set(child, { at: at.map((x, i) => x + moved[i]!), turn: times(turn, rotation) });
      const body = id('mjOBJ_BODY', child);
      expect(body, child).toBeGreaterThan(0);
      const expected = [...xpos.subarray(3 * body, 3 * body + 3)];
      world.get(child)!.at.forEach((x, i) => expect(x, child).toBeCloseTo(expected[i]!, 6));
    }
    expect(world.size).toBeGreaterThan(20);
    data.delete();
    model.delete();
  });
});

describe('a robot description', () => {
  const joint = (inside: string, type = 'revolute') =>
    `<robot><!-- <joint name="no"/> --><joint name="j" type="${type}"><parent link="a"/><child link="b"/>${inside}</joint></robot>`;

  it('turns first by roll, then pitch, then yaw, and slides along its turned axis', () => {
    const [fixed] = readJoints(
      joint(`<origin xyz="1 2 3" rpy="0 0 ${Math.PI / 2}"/><axis xyz="1 0 0"/>`, 'prismatic'),
    );
    const { translation } = linkTransform(fixed!, () => 0.5);
    expect(translation.map((x) => Math.round(x * 1e6) / 1e6)).toEqual([1, 2.5, 3]);
  });

  it('that is broken is refused by the joint’s name', () => {
    expect(() => readJoints(joint('<origin xyz="1 2"/>'))).toThrow(/joint "j".*not three numbers/);
    expect(() => readJoints('<joint name="j" type="fixed"><parent link="a"/></joint>')).toThrow(/joint "j"/);
  });
});

type Q = readonly number[];
function times(a: Q, b: Q): number[] {
  const [ax, ay, az, aw] = [a[0]!, a[1]!, a[2]!, a[3]!];
  const [bx, by, bz, bw] = [b[0]!, b[1]!, b[2]!, b[3]!];
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}
const turned = (q: Q, v: Q): number[] =>
  times(times(q, [...v, 0]), [-q[0]!, -q[1]!, -q[2]!, q[3]!]).slice(0, 3);
