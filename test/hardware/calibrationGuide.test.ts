/** The guide on an emulated line, in emulated time, with a person made of the emulator's hand. */
import { describe, expect, it } from 'vitest';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { Interrupted } from '#alohad/contract/errors.js';
import {
  CalibrationError,
  guideCalibration,
  type CalibrationProgress,
} from '#alohad/hardware/arm/calibrationGuide.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { emulatedArm } from '#alohad/hardware/emulator/arm.js';
import { CalibratingHand, SWEPT, type HandOptions } from './calibratingHand.js';
import { LoopPort } from './loopPort.js';

const profile = loadArmProfile('vx300s');

function bench(mistakes: HandOptions['mistakes'] = {}) {
  const port = new LoopPort({ servos: emulatedArm(profile), baudRate: 1_000_000 });
  const bus = new ServoBus(port);
  const stop = { aborted: false };
  const progress: CalibrationProgress[] = [];
  let wasStiff = false;
  const hand = new CalibratingHand({
    profile,
    mistakes,
    hold: (id, position) => port.line.apply({ kind: 'hand', id, position }),
    // oxlint-disable-next-line require-await
    moment: async () => {
      port.pass(20);
      wasStiff ||= port.line.servos.some(({ torqueOn }) => torqueOn);
    },
  });
  const run = (done: CalibrationProgress = { ranges: {} }) =>
    guideCalibration(
      { arm: 'arm', profile, bus, done, onProgress: (now) => progress.push(now), signal: stop },
      hand,
    );
  return { port, bus, stop, progress, hand, run, wasStiff: () => wasStiff };
}

describe('a guided calibration', () => {
  it('captures ranges within the profile, the gripper, and the offset of a shadow that is off; torque stays off', async () => {
    const { bus, run, progress, hand, wasStiff } = bench();
    bus.write(3, ADDRESS.homingOffset, 4, 40);
    const calibration = await run();
    const range = (id: number): number[] => {
      const { minTick, maxTick } = calibration.servos.find((servo) => servo.id === id)!;
      return [minTick, maxTick];
    };
    expect(range(2)).toEqual([841, SWEPT['shoulder']![1]]);
    expect(range(3)).toEqual(range(2));
    expect(range(4)).toEqual([SWEPT['elbow']![0], 3094]);
    expect(range(1)).toEqual([0, 4095]);
    expect(Math.abs(calibration.servos.find(({ id }) => id === 3)!.homingOffset)).toBeLessThanOrEqual(3);
    expect(calibration.gripper.open).toBeCloseTo(((3000 - 2048) * 2 * Math.PI) / 4096, 3);
    expect(calibration.gripper.close).toBeCloseTo(((1700 - 2048) * 2 * Math.PI) / 4096, 3);
    expect(calibration.servos.map(({ firmware }) => firmware)).toEqual(profile.servos.map(() => 46));
    expect(hand.told.join('\n')).toContain('shoulder_shadow: Homing Offset 40 ->');
    expect(progress).toHaveLength(8);
    expect(wasStiff()).toBe(false);
  });

  it('sets what differs from the profile, and lets go of an arm that is stiff only when told', async () => {
    const { bus, run, hand } = bench();
    bus.write(7, ADDRESS.returnDelayTime, 1, 250);
    bus.write(6, ADDRESS.torqueEnable, 1, 1);
    await run();
    expect(hand.told[0]).toContain('the arm is stiff');
    expect(bus.readUnsigned(7, ADDRESS.returnDelayTime, 1)).toBe(0);
    expect(bus.readUnsigned(6, ADDRESS.torqueEnable, 1)).toBe(0);
  });

  it('sees a joint that goes the wrong way', async () => {
    const { run, hand } = bench({ 'grow waist': [-150] });
    await run();
    expect(hand.told.join('\n')).toMatch(/waist counts down: .* servo 1 is the wrong way round/);
  });

  it('sets back an encoder that counted on, and asks again for a pose that is no rest pose', async () => {
    const { run, hand } = bench({ 'rest waist': [2048 + 4096], 'rest elbow': [2048] });
    await run();
    const told = hand.told.join('\n');
    expect(told).toContain('servo 1 waist had counted on to 6144: set back to 2048');
    expect(told).toMatch(/servo 4 elbow stands at 0.0 deg: move it there/);
  });

  it('refuses a joint that wraps within its range, and asks again for a range that is too small', async () => {
    await expect(bench({ 'sweep elbow': [3500, 4000, 4300] }).run()).rejects.toThrow(CalibrationError);
    const { run, hand } = bench();
    let asked = 0;
    const small = hand.tell.bind(hand);
    hand.tell = (text) => {
      if (text.startsWith('move shoulder slowly') && asked++ === 0) return small('the arm is stiff');
      return small(text.replace(/^that was .*move (\w+) to/, 'move $1 slowly to'));
    };
    await run();
    expect(asked).toBe(1);
    expect(hand.told.some((text) => text.startsWith('move shoulder slowly to both of its ends'))).toBe(true);
  });

  it('goes on where another one was stopped', async () => {
    const first = bench();
    const saved = first.progress;
    first.hand.tell = ((tell) => (text: string) => {
      if (text.startsWith('move elbow')) first.stop.aborted = true;
      tell(text);
    })(first.hand.tell.bind(first.hand));
    await expect(first.run()).rejects.toThrow(Interrupted);
    expect(Object.keys(saved.at(-1)!.ranges)).toEqual(['waist', 'shoulder']);
    const second = bench();
    const calibration = await second.run(saved.at(-1));
    expect(second.hand.told[0]).toContain('move elbow');
    expect(calibration.servos.find(({ id }) => id === 2)).toMatchObject({ minTick: 841 });
  });

  it('refuses an arm with a servo that is not there', async () => {
    const { port, run } = bench();
    port.line.apply({ kind: 'servo', id: 8, fault: 'absent' });
    await expect(run()).rejects.toThrow('8 wrist_rotate: does not answer');
  });
});
