import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import loadMujoco, { type MainModule } from '@mujoco/mujoco';
import { beforeAll, describe, expect, it } from 'vitest';
import { ARM_JOINTS } from '#alohad/contract/robot.js';
import { gripPose, MOUNTS, VX300S } from '#alohad/simulation/kinematics.js';

const folder = fileURLToPath(new URL('../../urdf/', import.meta.url));
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const JOINTS = ARM_JOINTS.slice(0, -1);

/** Arrays of a compiled model, which the package declares as `any`. */
interface Model {
  readonly body_mass: Float64Array;
  readonly jnt_range: Float64Array;
}

describe('robot descriptions', () => {
  let mujoco: MainModule;
  beforeAll(async () => {
    mujoco = await loadMujoco();
  });

  const compile = (xml: string) => mujoco.MjModel.from_xml_string(xml);
  const id = (model: ReturnType<typeof compile>, kind: 'mjOBJ_JOINT' | 'mjOBJ_BODY', name: string): number =>
    mujoco.mj_name2id(model, mujoco.mjtObj[kind].value, name);

  it('are what urdf/make.js makes', () => {
    const made = mkdtempSync(join(tmpdir(), 'alohad-urdf-'));
    execFileSync(process.execPath, [join(folder, 'make.js'), made]);
    for (const name of ['vx300s.urdf', 'wx250s.urdf']) {
      expect(readFileSync(join(made, name), 'utf8')).toBe(read(name));
    }
    rmSync(made, { recursive: true });
  });

  it.each(['vx300s', 'wx250s'])('%s has the joints of an arm, a gripper and two fingers', (name) => {
    const model = compile(read(`${name}.urdf`));
    for (const joint of [...JOINTS, 'gripper', 'left_finger', 'right_finger']) {
      expect(id(model, 'mjOBJ_JOINT', joint), joint).toBeGreaterThanOrEqual(0);
    }
    expect(model.njnt).toBe(9);
    model.delete();
  });

  it('the ViperX weighs, bends and reaches alike in URDF, MJCF and kinematics', () => {
    const urdf = compile(read('vx300s.urdf'));
    const mjcf = compile(read('mjcf/vx300s.xml'));
    const [inUrdf, inMjcf]: [Model, Model] = [urdf, mjcf];
    for (const [i, joint] of JOINTS.entries()) {
      const range = inUrdf.jnt_range.subarray(2 * id(urdf, 'mjOBJ_JOINT', joint)).slice(0, 2);
      expect(Array.from(range)).toEqual(VX300S[i]!.range);
      expect(inMjcf.jnt_range.subarray(2 * id(mjcf, 'mjOBJ_JOINT', joint)).slice(0, 2)).toEqual(range);
    }
    const links = [
      'shoulder',
      'upper_arm',
      'upper_forearm',
      'lower_forearm',
      'wrist',
      'gripper',
      'left_finger',
      'right_finger',
    ];
    for (const link of links) {
      expect(inUrdf.body_mass[id(urdf, 'mjOBJ_BODY', `${link}_link`)], link).toBe(
        inMjcf.body_mass[id(mjcf, 'mjOBJ_BODY', `${link}_link`)],
      );
    }

    const angles = [0.3, -0.8, 0.9, 0.4, 0.5, -0.6];
    const data = new mujoco.MjData(urdf);
    const { qpos }: { qpos: Float64Array } = data;
    qpos.set(angles);
    mujoco.mj_kinematics(urdf, data);
    // Fingers sit 0.0687 m in front of the gripper link, the grip point 0.135 m.
    const { xpos, xmat }: { xpos: Float64Array; xmat: Float64Array } = data;
    const hand = id(urdf, 'mjOBJ_BODY', 'gripper_link');
    gripPose('left', angles).position.forEach((x, i) => {
      const inUrdfX = xpos[3 * hand + i]! + 0.135 * xmat[9 * hand + 3 * i]!;
      expect(inUrdfX + MOUNTS.left.position[i]!).toBeCloseTo(x, 9);
    });
    data.delete();
    urdf.delete();
    mjcf.delete();
  });
});
