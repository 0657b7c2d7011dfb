/**
 * A person at emulated leader arms, who shows a motion by hand: knows how teleoperation begins (stiff arms with loose
 * grippers mean "close them"), moves the arms as soon as they are limp, holds them still in the end, and lets go when
 * they become stiff again. Every time the next motion of the list, round and round.
 */
import { ARM_JOINTS } from '../../contract/robot.js';
import { toEncoder } from './encoderFrame.js';
import { servoJoints, type LineArm, type ServoJoint } from './lineArm.js';

const JOINTS = ARM_JOINTS.length;
const GRIPPER = JOINTS - 1;
/** A person sees that the grippers are loose, and closes them [ms]. */
const REACTION_MS = 400;
const CLOSING_MS = 500;
/** Opening of a closed gripper, 0 to 1. */
const CLOSED = 0;

/** What a person shows: rad, grippers 0 closed to 1 open. */
export interface Motion {
  /** (T, 7 x arms), a row per period. */
  readonly goals: Float64Array;
  readonly periodMs: number;
}

type Phase =
  | { readonly name: 'away' }
  /** Grippers move from where they were, 0 to 1 each, to closed. */
  | { readonly name: 'closing'; readonly sinceMs: number; readonly from: readonly number[] }
  | { readonly name: 'leading'; readonly sinceMs: number };

export class Operator {
  readonly #motions: readonly Motion[];
  readonly #hands: readonly (readonly Handle[])[];
  #phase: Phase = { name: 'away' };
  /** Motions begun. */
  #shown = 0;

  /** @param arms in the order of a motion's rows; `motions` at least one, of a row or more */
  constructor(motions: readonly Motion[], arms: readonly LineArm[]) {
    this.#motions = motions;
    this.#hands = arms.map((arm) => servoJoints(arm).map((joint) => new Handle(joint)));
  }

  /** Moves the hands to where they are at `nowMs` [ms, any monotonic clock]. Allocates only when the phase changes. */
  advance(nowMs: number): void {
    const phase = this.#phase;
    switch (phase.name) {
      case 'away':
        if (this.#everyHand((hand, joint) => hand.torqueOn === (joint !== GRIPPER))) {
          const from = this.#hands.map((hand) => hand[GRIPPER]!.position);
          this.#phase = { name: 'closing', sinceMs: nowMs + REACTION_MS, from };
        }
        return;
      case 'closing':
        if (this.#everyHand((hand) => !hand.torqueOn)) {
          this.#shown++;
          this.#phase = { name: 'leading', sinceMs: nowMs };
          return;
        }
        if (!this.#everyHand((hand, joint) => hand.torqueOn === (joint !== GRIPPER))) {
          // Between stiff and limp, servo after servo; or somebody changed their mind.
          if (this.#everyHand((hand) => hand.torqueOn)) this.#letGo();
          return;
        }
        this.#close(phase.from, Math.min(Math.max((nowMs - phase.sinceMs) / CLOSING_MS, 0), 1));
        return;
      case 'leading':
        if (!this.#everyHand((hand) => !hand.torqueOn)) this.#letGo();
        else this.#show((nowMs - phase.sinceMs) / this.#motion.periodMs);
        return;
      default:
        phase satisfies never;
    }
  }

  get #motion(): Motion {
    return this.#motions[(this.#shown - 1) % this.#motions.length]!;
  }

  #everyHand(holds: (hand: Handle, joint: number) => boolean): boolean {
    return this.#hands.every((arm) => arm.every(holds));
  }

  #close(from: readonly number[], share: number): void {
    for (const [n, arm] of this.#hands.entries()) arm[GRIPPER]!.hold(from[n]! + share * (CLOSED - from[n]!));
  }

  /** Where the motion is after `rows` rows and a part of one; its last row for ever after. */
  #show(rows: number): void {
    const { goals } = this.#motion;
    const width = this.#hands.length * JOINTS;
    const last = goals.length / width - 1;
    const row = Math.min(Math.floor(rows), last);
    const next = Math.min(row + 1, last);
    const share = Math.min(rows - row, 1);
    for (const [n, arm] of this.#hands.entries()) {
      for (const [joint, hand] of arm.entries()) {
        const column = n * JOINTS + joint;
        const [here, there] = [goals[row * width + column]!, goals[next * width + column]!];
        hand.hold(here + share * (there - here));
      }
    }
  }

  #letGo(): void {
    for (const arm of this.#hands) for (const hand of arm) hand.letGo();
    this.#phase = { name: 'away' };
  }
}

/** One joint of an arm as a person's hand has it. */
class Handle {
  readonly #on: ServoJoint;

  constructor(on: ServoJoint) {
    this.#on = on;
  }

  /** Whether any of its servos holds it. */
  get torqueOn(): boolean {
    return this.#on.servos.some((servo) => servo.torqueOn);
  }

  /** rad, grippers 0 to 1. */
  get position(): number {
    const { servos, space, joint } = this.#on;
    return space.position(joint, servos[0]!.reportedTick);
  }

  hold(position: number): void {
    const { servos, space, joint } = this.#on;
    const tick = space.toTick(joint, position);
    for (const servo of servos) servo.surroundings.hand = toEncoder(servo.memory, tick);
  }

  letGo(): void {
    for (const servo of this.#on.servos) servo.surroundings.hand = undefined;
  }
}
