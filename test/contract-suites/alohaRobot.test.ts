import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { AlohaRobot } from '#alohad/hardware/alohaRobot.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { describeRobotContract } from './robotContract.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-robot-'));
const profile = loadArmProfile('vx300s');
const gripper = loadGripper('aloha', 'follower');
const arms = ['follower_left', 'follower_right'].map((name) => ({ name, path: join(folder, name) }));
let emulator: Emulator;

beforeAll(async () => {
  emulator = await Emulator.start(
    arms.map(({ name, path }, n) => ({ name, path, arm: profile, wire: {}, gravity: false, seed: n })),
  );
});
afterAll(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true });
});

describeRobotContract(
  'the robot of emulated servos',
  () =>
    new AlohaRobot({
      backend: 'emulated',
      arms: arms.map((arm) => ({ ...arm, profile, gripper, slackMs: 50, watchdogMs: 2000 })),
    }),
);
