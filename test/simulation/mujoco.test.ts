import { existsSync } from 'node:fs';
import loadMujoco, { type MainModule } from '@mujoco/mujoco';
import { describe, expect, it } from 'vitest';
import { mujocoOfThisThread } from '#alohad/simulation/mujoco.js';
import { mountScene, ownScene } from '#alohad/simulation/sceneFiles.js';

const STEPS = 400;

/** qpos after each step while every actuator follows a wave: arms swing, objects rest on the table. */
function run(mujoco: MainModule): number[] {
  const { path } = mountScene(mujoco, ownScene('insertion'));
  const model = mujoco.MjModel.from_xml_path(path);
  const data = new mujoco.MjData(model);
  const states: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    for (let i = 0; i < model.nu; i++) data.ctrl[i] = 0.5 * Math.sin(step / 40 + i);
    mujoco.mj_step(model, data);
    states.push(...data.qpos);
  }
  data.delete();
  model.delete();
  return states;
}

describe('MuJoCo with small functions inlined', () => {
  it('is there after npm ci and computes bit for bit what the package does', async () => {
    expect(existsSync(new URL('mujoco.wasm', import.meta.resolve('#alohad/simulation/mujoco.js')))).toBe(
      true,
    );
    const original = run(await loadMujoco());
    expect(run(await mujocoOfThisThread())).toEqual(original);
    expect(new Set(original).size).toBeGreaterThan(STEPS);
  });
});
