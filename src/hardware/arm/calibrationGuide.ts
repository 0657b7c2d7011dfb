/**
 * Leads a person through the calibration of one arm: rest pose (encoders that wrapped, homing offsets of shadows), then
 * joint after joint its direction and range, then the gripper's two ends. The person moves the arm by hand; torque stays
 * off for all of it. What is done is handed over after every step, so that a guide can go on where another one ended.
 */
import type { ArmCalibration, ArmProfile, ServoProfile } from '../../contract/arm.js';
import { AlohadError, Interrupted } from '../../contract/errors.js';
import { ARM_JOINTS } from '../../contract/robot.js';
import type { ServoBus } from '../dynamixel/bus.js';
import { ADDRESS, RADIANS_PER_TICK, TICKS_PER_REVOLUTION, ZERO_TICK } from '../dynamixel/controlTable.js';
import { inspectArm } from './armInspection.js';
import { judgeServos } from './armJudgement.js';
import { ArmServos } from './armServos.js';

/** The arm cannot be calibrated as it is built or set. */
export class CalibrationError extends AlohadError {}

/** The person at the arm, as the guide sees them. */
export interface CalibrationPerson {
  /** What to do now, or what was found. */
  tell(text: string): void;
  /** The live numbers below it; called many times a second. */
  show(line: string): void;
  /** Whether they said since the last call that it is done. Throws when nobody can say it. */
  confirms(): boolean;
  /** A moment between two looks at the numbers. */
  moment(): Promise<void>;
}

/** What is done so far; everything may be stored. */
export interface CalibrationProgress {
  readonly homingOffsets?: Readonly<Record<string, number>>;
  /** By joint: lowest and highest tick. */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
  readonly gripper?: ArmCalibration['gripper'];
}

export interface CalibrationTask {
  /** Name of the arm's bus. */
  readonly arm: string;
  readonly profile: ArmProfile;
  readonly adapter?: string;
  readonly bus: ServoBus;
  readonly done: CalibrationProgress;
  readonly onProgress: (done: CalibrationProgress) => void;
  readonly signal: { readonly aborted: boolean };
}

/** What makes the number grow; source: axes of the URDF, right-handed (x forward, y left, z up). */
const UPWARD: Readonly<Record<(typeof ARM_JOINTS)[number], string>> = {
  waist: 'to the left (counter-clockwise from above)',
  shoulder: 'forward, away from the base',
  elbow: 'so that the forearm goes down',
  forearm_roll: 'clockwise, seen from the elbow',
  wrist_angle: 'so that the gripper points down',
  wrist_rotate: 'clockwise, seen from behind the gripper',
  gripper: 'open',
};
const ARM_ONLY = ARM_JOINTS.filter((joint) => joint !== 'gripper');

/** A joint at rest may stand so far from the pose of the profile [rad]: a horn mounted one hole off is further. */
const REST_TOLERANCE = 0.35;
/** So much of a movement tells its direction [tick]. */
const TELLING_TICKS = 100;
/** No hand moves a joint so far between two looks [tick]: the encoder wrapped. */
const WRAP_TICKS = TICKS_PER_REVOLUTION / 2;
/** Part of the profile's range that a person must have covered. */
const LEAST_RANGE = 0.3;
/** Between a gripper's ends [rad]. */
const LEAST_GRIP = 0.3;
/** Motors of one joint agree within [tick]. */
const PAIR_TICKS = 3;
/** Beyond it a servo in position mode ignores its offset; source: e-manual, Homing Offset (20). */
const MOST_OFFSET = 1024;

const radians = (tick: number): number => (tick - ZERO_TICK) * RADIANS_PER_TICK;
const degrees = (angle: number): string => `${((angle * 180) / Math.PI).toFixed(1)} deg`;

/** Throws CalibrationError, ArmMismatchError, Interrupted; PortError, NoAnswerError when the arm is gone. */
export async function guideCalibration(
  task: CalibrationTask,
  person: CalibrationPerson,
): Promise<ArmCalibration> {
  return await new Guide(task, person).run();
}

class Guide {
  readonly #task: CalibrationTask;
  readonly #person: CalibrationPerson;
  #done: CalibrationProgress;

  constructor(task: CalibrationTask, person: CalibrationPerson) {
    this.#task = task;
    this.#person = person;
    this.#done = task.done;
  }

  async run(): Promise<ArmCalibration> {
    const { arm, profile, bus, adapter } = this.#task;
    await this.#prepare();
    if (!this.#done.homingOffsets) this.#finish({ homingOffsets: await this.#rest() });
    for (const joint of ARM_ONLY) {
      if (this.#done.ranges[joint]) continue;
      const range = await this.#joint(joint);
      this.#finish({ ranges: { ...this.#done.ranges, [joint]: range } });
    }
    if (!this.#done.gripper) this.#finish({ gripper: await this.#gripper() });
    const found = inspectArm(bus, profile);
    return {
      arm,
      profile: profile.name,
      date: new Date().toISOString(),
      ...(adapter !== undefined && { adapter }),
      gripper: this.#done.gripper!,
      servos: found.map(({ servo, found: facts }) => {
        if (!facts)
          throw new CalibrationError(`servo ${servo.id} (${servo.name}) went off the bus; begin again`);
        const { name, id, model } = servo;
        const [minTick, maxTick] = this.#rangeOf(servo);
        const { firmware, driveMode, homingOffset } = facts;
        return { name, id, model, firmware, driveMode, homingOffset, minTick, maxTick };
      }),
    };
  }

  /** Torque off; settings of the profile that can be written are; what else is wrong is told. */
  async #prepare(): Promise<void> {
    const { bus, profile } = this.#task;
    const found = inspectArm(bus, profile);
    if (found.some((servo) => servo.found?.torqueOn)) {
      this.#person.tell('the arm is stiff: hold it with both hands, then press Enter: its torque goes off');
      await this.#until(() => this.#person.confirms());
      new ArmServos(bus, profile).release();
    }
    for (const { servo, found: facts } of found) {
      if (!facts) continue;
      const { id, name } = servo;
      const set = (what: string, address: number, is: number, wanted: number): void => {
        if (is === wanted) return;
        bus.write(id, address, 1, wanted);
        this.#person.tell(`servo ${id} ${name}: ${what} was ${is}, is now ${wanted} as the profile says`);
      };
      set('Drive Mode', ADDRESS.driveMode, facts.driveMode, servo.driveMode);
      set('Secondary ID', ADDRESS.secondaryId, facts.secondaryId, servo.shadowOf ?? 255);
      set('Return Delay Time', ADDRESS.returnDelayTime, facts.returnDelay, 0);
    }
    const faults = judgeServos(this.#task.arm, profile, inspectArm(bus, profile))
      .filter(({ grade }) => grade === 'fail')
      .map(({ what, found: text, fix = '' }) => `${what}: ${text}; ${fix}`);
    if (faults.length > 0)
      throw new CalibrationError(`this arm cannot be calibrated yet:\n  ${faults.join('\n  ')}`);
  }

  /** Encoders within their turn, every joint where a rest pose has it, shadows where their drivers are. */
  async #rest(): Promise<Record<string, number>> {
    const { bus, profile } = this.#task;
    const wanted = ARM_ONLY.map((joint, n) => `${joint} ${degrees(profile.sleepPose[n]!)}`).join(', ');
    this.#person.tell(`bring the arm into its rest pose (${wanted}), keep it still, then press Enter`);
    for (;;) {
      await this.#until(() => {
        this.#person.show(ARM_ONLY.map((joint) => `${joint} ${degrees(this.#angle(joint))}`).join('  '));
        return this.#person.confirms();
      });
      for (const { id, name } of profile.servos) {
        const tick = this.#tick(id);
        if (tick >= 0 && tick < TICKS_PER_REVOLUTION) continue;
        bus.clearMultiTurn(id);
        this.#person.tell(`servo ${id} ${name} had counted on to ${tick}: set back to ${this.#tick(id)}`);
      }
      const off = ARM_ONLY.filter(
        (joint, n) => Math.abs(this.#angle(joint) - profile.sleepPose[n]!) > REST_TOLERANCE,
      );
      if (off.length === 0) break;
      for (const joint of off) {
        const { id } = this.#servo(joint);
        this.#person.tell(
          `servo ${id} ${joint} stands at ${degrees(this.#angle(joint))}: move it there and press Enter; if it is there already, its horn is mounted the wrong way or Homing Offset (20) is wrong`,
        );
      }
    }
    const shadows = profile.servos.filter(({ shadowOf }) => shadowOf !== undefined);
    return Object.fromEntries(shadows.map((shadow) => [shadow.name, this.#matchShadow(shadow)]));
  }

  /** Gives a shadow the offset with which it counts as its driver does. */
  #matchShadow({ id, name, shadowOf }: ServoProfile): number {
    const { bus } = this.#task;
    const apart = (): number => this.#tick(shadowOf!) - this.#tick(id);
    const before = bus.readSigned(id, ADDRESS.homingOffset, 4);
    const first = apart();
    if (Math.abs(first) <= PAIR_TICKS) return before;
    const offset = before + first;
    if (Math.abs(offset) > MOST_OFFSET) {
      throw new CalibrationError(
        `servo ${id} ${name} stands ${degrees(first * RADIANS_PER_TICK)} from its driver, more than a homing offset can mend: mount its horn anew, both marks aligned`,
      );
    }
    bus.write(id, ADDRESS.homingOffset, 4, offset);
    if (Math.abs(apart()) > PAIR_TICKS) {
      bus.write(id, ADDRESS.homingOffset, 4, before);
      throw new CalibrationError(
        `servo ${id} ${name} does not agree with its driver with Homing Offset ${offset} either: was the arm still? Begin this step again`,
      );
    }
    this.#person.tell(
      `servo ${id} ${name}: Homing Offset ${before} -> ${offset}, now it agrees with its driver`,
    );
    return offset;
  }

  /** Its direction, then how far it goes; returns the ticks that it may go to. */
  async #joint(joint: (typeof ARM_JOINTS)[number]): Promise<[number, number]> {
    const { minTick, maxTick, id } = this.#servo(joint);
    await this.#direction(joint);
    // A joint that turns round and round has no ends to be found.
    if (maxTick - minTick >= TICKS_PER_REVOLUTION - 1) return [minTick, maxTick];
    this.#person.tell(`move ${joint} slowly from one end to the other, then press Enter`);
    let last = this.#tick(id);
    let [low, high] = [last, last];
    for (;;) {
      await this.#until(() => {
        const tick = this.#tick(id);
        if (Math.abs(tick - last) > WRAP_TICKS || tick < 0 || tick >= TICKS_PER_REVOLUTION) {
          throw new CalibrationError(
            `servo ${id} ${joint} wraps within its range (${last} -> ${tick}): its horn is mounted the wrong way; mount it so that the middle of the joint is tick ${ZERO_TICK}`,
          );
        }
        last = tick;
        low = Math.min(low, tick);
        high = Math.max(high, tick);
        this.#person.show(
          `${joint} ${degrees(radians(tick))}   from ${degrees(radians(low))} to ${degrees(radians(high))}`,
        );
        return this.#person.confirms();
      });
      const range: [number, number] = [Math.max(low, minTick), Math.min(high, maxTick)];
      if (range[1] - range[0] >= LEAST_RANGE * (maxTick - minTick)) return range;
      this.#person.tell(
        `that was ${degrees((high - low) * RADIANS_PER_TICK)} of ${degrees((maxTick - minTick) * RADIANS_PER_TICK)}: move ${joint} to both of its ends, then press Enter`,
      );
    }
  }

  /** Waits until the joint was moved the way that must make its number grow. */
  async #direction(joint: (typeof ARM_JOINTS)[number]): Promise<void> {
    const { id } = this.#servo(joint);
    this.#person.tell(`move ${joint} ${UPWARD[joint]}: the number must grow`);
    let from = this.#tick(id);
    await this.#until(() => {
      const tick = this.#tick(id);
      this.#person.show(`${joint} ${degrees(radians(tick))} (${tick - from >= 0 ? '+' : ''}${tick - from})`);
      if (tick - from < -TELLING_TICKS) {
        this.#person.tell(
          `${joint} counts down: move it ${UPWARD[joint]}. If you did, servo ${id} is the wrong way round: Ctrl-C, and look at its mounting and Drive Mode (10)`,
        );
        from = tick;
      }
      return tick - from > TELLING_TICKS;
    });
  }

  async #gripper(): Promise<ArmCalibration['gripper']> {
    await this.#direction('gripper');
    for (;;) {
      const open = await this.#end('open');
      const close = await this.#end('close');
      if (open - close >= LEAST_GRIP) return { open, close };
      this.#person.tell(
        `open ${degrees(open)} and closed ${degrees(close)} are too near to each other, or exchanged: again`,
      );
    }
  }

  async #end(end: 'open' | 'close'): Promise<number> {
    this.#person.tell(`${end} the gripper as far as it goes, then press Enter`);
    await this.#until(() => {
      this.#person.show(`gripper ${degrees(this.#angle('gripper'))}`);
      return this.#person.confirms();
    });
    return this.#angle('gripper');
  }

  /** Looks again and again. Throws Interrupted. */
  async #until(isDone: () => boolean): Promise<void> {
    for (;;) {
      if (this.#task.signal.aborted)
        throw new Interrupted('calibration stopped; the steps that are done are kept: run it again to go on');
      if (isDone()) return;
      await this.#person.moment();
    }
  }

  #finish(step: Partial<CalibrationProgress>): void {
    this.#done = { ...this.#done, ...step };
    this.#task.onProgress(this.#done);
  }

  #rangeOf({ name, shadowOf, minTick, maxTick }: ServoProfile): readonly [number, number] {
    const joint = this.#task.profile.servos.find(({ id }) => id === shadowOf)?.name ?? name;
    return this.#done.ranges[joint] ?? [minTick, maxTick];
  }

  #servo(joint: string): ServoProfile {
    const servo = this.#task.profile.servos.find(({ name }) => name === joint);
    if (!servo)
      throw new CalibrationError(`arm profile ${this.#task.profile.name} has no servo for ${joint}`);
    return servo;
  }

  #tick(id: number): number {
    return this.#task.bus.readSigned(id, ADDRESS.presentPosition, 4);
  }

  #angle(joint: string): number {
    return radians(this.#tick(this.#servo(joint).id));
  }
}
