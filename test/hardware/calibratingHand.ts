/** A person who calibrates an emulated arm: does what they are told with the emulator's hand, and looks before each key. */
import type { ArmProfile } from '#alohad/contract/arm.js';
import { ARM_JOINTS } from '#alohad/contract/robot.js';
import type { CalibrationPerson } from '#alohad/hardware/arm/calibrationGuide.js';

export interface HandOptions {
  readonly profile: ArmProfile;
  /** Holds a joint at a tick of its encoder. */
  readonly hold: (id: number, tick: number) => void;
  readonly moment: () => Promise<void>;
  /** Where to move a joint instead, when asked for the first time [tick, as reported]. */
  readonly mistakes?: Readonly<Record<string, readonly number[]>>;
  /** Told of everything that is said. */
  readonly onTold?: (text: string) => void;
}

export const SWEPT: Readonly<Record<string, readonly [number, number]>> = {
  shoulder: [700, 2800],
  elbow: [1000, 3300],
  wrist_angle: [830, 3504],
};
export const GRIPPER_TICKS: Readonly<Record<string, number>> = { open: 3000, close: 1700 };
const STEP = 150;

type Move = { readonly joint: string; readonly tick: number } | 'Enter';

export class CalibratingHand implements CalibrationPerson {
  readonly told: string[] = [];
  readonly #options: HandOptions;
  readonly #at: Map<string, number>;
  readonly #mistakes: Map<string, readonly number[]>;
  #moves: Move[] = [];
  #shown = '';

  constructor(options: HandOptions) {
    this.#options = options;
    this.#mistakes = new Map(Object.entries(options.mistakes ?? {}));
    this.#at = new Map(ARM_JOINTS.map((joint) => [joint, 2048]));
  }

  tell(text: string): void {
    this.told.push(text);
    this.#options.onTold?.(text);
    const [, joint = ''] = /^(?:move )?(\w+)/.exec(text) ?? [];
    if (text.includes('rest pose')) this.#moves = [...this.#toRest(), 'Enter'];
    else if (text.includes('is stiff')) this.#moves = ['Enter'];
    else if (text.includes('must grow')) this.#moves = this.#upward(joint);
    else if (text.includes('slowly')) this.#moves = [...this.#sweep(joint), 'Enter'];
    else if (/^(open|close) the gripper/.test(text))
      this.#moves = [{ joint: 'gripper', tick: GRIPPER_TICKS[joint]! }, 'Enter'];
    else if (text.includes('move it there')) this.#moves = [...this.#toRest(), 'Enter'];
    else if (text.includes('counts down')) this.#moves = this.#upward(joint);
  }

  show(line: string): void {
    this.#shown = line;
  }

  confirms(): boolean {
    if (this.#moves[0] !== 'Enter') return false;
    this.#moves.shift();
    return true;
  }

  async moment(): Promise<void> {
    const move = this.#moves[0];
    if (move !== undefined && move !== 'Enter') {
      const { id, driveMode } = this.#options.profile.servos.find(({ name }) => name === move.joint)!;
      this.#options.hold(id, driveMode === 1 ? 4096 - move.tick : move.tick);
      this.#at.set(move.joint, move.tick);
      const [, angle] = new RegExp(`${move.joint} (-?[\\d.]+) deg`).exec(this.#shown) ?? [];
      // What is asked for has been done when the screen shows it.
      if (Math.abs(Number(angle) - ((move.tick - 2048) * 360) / 4096) < 0.3) this.#moves.shift();
    }
    await this.#options.moment();
  }

  #toRest(): Move[] {
    const { sleepPose } = this.#options.profile;
    return ARM_JOINTS.filter((joint) => joint !== 'gripper').flatMap((joint, n) =>
      [...this.#mistake(joint, 'rest'), Math.round(2048 + (sleepPose[n]! / (2 * Math.PI)) * 4096)]
        .slice(0, 1)
        .map((tick) => ({ joint, tick })),
    );
  }

  #upward(joint: string): Move[] {
    const from = this.#at.get(joint)!;
    return [...this.#mistake(joint, 'grow').map((by) => from + by), from + STEP].map((tick) => ({
      joint,
      tick,
    }));
  }

  #sweep(joint: string): Move[] {
    const [low, high] = SWEPT[joint]!;
    const swept = this.#mistake(joint, 'sweep');
    if (swept.length > 0) return swept.map((tick) => ({ joint, tick }));
    const ticks: number[] = [];
    for (let tick = this.#at.get(joint)!; tick > low; tick -= 500) ticks.push(tick);
    for (let tick = low; tick < high; tick += 500) ticks.push(tick);
    return [...ticks, high].map((tick) => ({ joint, tick }));
  }

  /** Once. */
  #mistake(joint: string, doing: string): readonly number[] {
    const mistake = this.#mistakes.get(`${doing} ${joint}`) ?? [];
    this.#mistakes.delete(`${doing} ${joint}`);
    return mistake;
  }
}
