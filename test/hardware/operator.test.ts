/** The person at emulated leaders, by a clock of the test's own. */
import { beforeEach, describe, expect, it } from 'vitest';
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { ARM_JOINTS } from '#alohad/contract/robot.js';
import { JointSpace } from '#alohad/hardware/arm/jointSpace.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { emulatedArm } from '#alohad/hardware/emulator/arm.js';
import { EmulatedLine } from '#alohad/hardware/emulator/line.js';
import { Operator } from '#alohad/hardware/emulator/operator.js';

const PROFILE = loadArmProfile('wx250s');
const CONVENTION = loadGripper('aloha', 'leader');
const SPACE = new JointSpace(PROFILE, CONVENTION);
const GRIPPER = ARM_JOINTS.indexOf('gripper');
const PERIOD_MS = 20;
const STEP_MS = 1;

/** A motion of `rows` rows, in which only the left waist and the right gripper do something. */
function motion(rows: number, waist: (row: number) => number, rightGripper: number) {
  const goals = new Float64Array(rows * 14);
  for (let row = 0; row < rows; row++) {
    goals[row * 14] = waist(row);
    goals[row * 14 + 13] = rightGripper;
  }
  return { goals, periodMs: PERIOD_MS };
}

let lines: EmulatedLine[];
let nowMs: number;
beforeEach(() => {
  lines = [0, 1].map(() => new EmulatedLine({ servos: emulatedArm(PROFILE) }));
  nowMs = 0;
});

const operatorOf = (...motions: ReturnType<typeof motion>[]): Operator =>
  new Operator(
    motions,
    lines.map((line) => ({ line, profile: PROFILE, gripper: CONVENTION })),
  );

function pass(operator: Operator, ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs;) {
    nowMs += STEP_MS;
    operator.advance(nowMs);
    for (const line of lines) line.advance(nowMs);
  }
}

function torque(isOn: boolean, wanted: (name: string) => boolean = () => true): void {
  for (const line of lines) {
    for (const { id, name } of PROFILE.servos)
      if (wanted(name)) line.servo(id)!.write(ADDRESS.torqueEnable, Uint8Array.of(isOn ? 1 : 0));
  }
}

const isGripper = (name: string): boolean => name === 'gripper';

function position(side: number, joint: number): number {
  const { id } = SPACE.joints[joint]!;
  return SPACE.position(joint, lines[side]!.servo(id)!.memory.get(ADDRESS.presentPosition));
}

/** Stiff arms, loose grippers, and a while later limp arms. */
function begin(operator: Operator): void {
  torque(true);
  torque(false, isGripper);
  pass(operator, 1000);
  torque(false);
  pass(operator, STEP_MS);
}

describe('a person at the leaders', () => {
  it('keeps away from limp and from stiff arms', () => {
    const operator = operatorOf(motion(2, () => 1, 0));
    pass(operator, 1000);
    torque(true);
    pass(operator, 1000);
    expect(position(0, 0)).toBeCloseTo(0, 1);
    expect(
      lines.every(({ servos }) => servos.every(({ surroundings }) => surroundings.hand === undefined)),
    ).toBe(true);
  });

  it('closes loose grippers of stiff arms, not at once', () => {
    const operator = operatorOf(motion(2, () => 1, 0));
    for (const line of lines)
      line.servo(SPACE.joints[GRIPPER]!.id)!.motor.position = SPACE.toTick(GRIPPER, 0.5);
    torque(true);
    torque(false, isGripper);
    pass(operator, 300);
    expect(position(0, GRIPPER)).toBeCloseTo(0.5, 1);
    pass(operator, 1000);
    expect([position(0, GRIPPER), position(1, GRIPPER)]).toEqual([
      expect.closeTo(0, 2),
      expect.closeTo(0, 2),
    ]);
    expect(position(0, 0)).toBeCloseTo(0, 1);
  });

  it('moves limp arms at the pace of the motion, between its rows too, both servos of a joint, and holds in the end', () => {
    const operator = operatorOf(motion(11, (row) => row * 0.1, 1));
    begin(operator);
    pass(operator, 5.5 * PERIOD_MS);
    expect(position(0, 0)).toBeCloseTo(0.55, 1);
    expect(position(1, 0)).toBeCloseTo(0, 2);
    pass(operator, 100 * PERIOD_MS);
    expect(position(0, 0)).toBeCloseTo(1, 2);
    expect(position(1, GRIPPER)).toBeCloseTo(1, 2);
    // The shoulder would fall without a hand; its shadow is mirrored.
    expect(position(0, 1)).toBeCloseTo(0, 2);
    const [driver, shadow] = [2, 3].map((id) => lines[0]!.servo(id)!.motor.position);
    expect(driver! + shadow!).toBeCloseTo(4096, 0);
  });

  it('lets go when arms become stiff, and shows the next motion the next time, round and round', () => {
    const operator = operatorOf(
      motion(2, () => 0.2, 0),
      motion(2, () => 0.4, 0),
    );
    for (const waist of [0.2, 0.4, 0.2]) {
      begin(operator);
      pass(operator, 200);
      expect(position(0, 0)).toBeCloseTo(waist, 2);
      torque(true);
      pass(operator, STEP_MS);
      expect(lines[0]!.servo(1)!.surroundings.hand).toBeUndefined();
    }
  });
});
