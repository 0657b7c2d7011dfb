import { UnknownCameraError } from '#alohad/contract/errors.js';
import { AlohadError } from '#alohad/contract/errors.js';
import { CAMERAS } from '#alohad/contract/camera.js';
import { ARMS, ARM_START_POSE, CONTROL_PERIOD_S, DOF, newObservation } from '#alohad/contract/robot.js';
import type { CaptureInfo, ImageRequest } from '#alohad/contract/camera.js';
import type { Backend, Observation, Robot } from '#alohad/contract/robot.js';

/** Share of the way to its goal that a joint goes in one period. */
const RESPONSE = 0.5;

/** A robot in memory: joints follow their goals like first-order systems, images show the joints' positions. */
export class FakeRobot implements Robot {
  readonly backend: Backend = 'emulated';
  /**
   * What was asked of it, in order: 'connect', 'activate', 'observe', 'command', 'hold', 'confirmHold',
   * 'disconnect', 'leave stiff'.
   */
  readonly calls: string[] = [];
  /** Every goal that reached the motors. */
  readonly goals: Float64Array[] = [];
  readonly #observation = newObservation();
  readonly #qpos = Float64Array.from(ARMS.flatMap(() => ARM_START_POSE));
  readonly #qvel = new Float64Array(DOF);
  readonly #goal = this.#qpos.slice();
  #step = 0;
  #connected = false;
  #active = false;

  readonly images = {
    cameras: CAMERAS,
    capture: (request: ImageRequest, rgb: Uint8Array): CaptureInfo => {
      const camera = CAMERAS.findIndex((name) => name === request.camera);
      if (camera < 0) {
        throw new UnknownCameraError(`No camera ${request.camera}; there are ${CAMERAS.join(', ')}.`);
      }
      rgb.fill(Math.round(64 * camera + 20 * (this.#qpos[camera]! + 1)));
      return { sequence: this.#step, timeMs: performance.now() };
    },
  };

  async connect(): Promise<void> {
    this.calls.push('connect');
    this.#connected = true;
  }

  async activate(): Promise<void> {
    this.calls.push('activate');
    this.#requireConnected();
    this.#goal.set(this.#qpos);
    this.#active = true;
  }

  observe(): Observation {
    this.calls.push('observe');
    this.#requireConnected();
    this.#observation.step = this.#step;
    this.#observation.timeMs = performance.now();
    this.#observation.qpos.set(this.#qpos);
    this.#observation.qvel.set(this.#qvel);
    return this.#observation;
  }

  command(goal: Float64Array): void {
    this.calls.push('command');
    this.#requireConnected();
    if (!this.#active) throw new AlohadError('The fake robot is limp: call activate() before command().');
    this.goals.push(goal.slice());
    this.#goal.set(goal);
    for (let joint = 0; joint < DOF; joint++) {
      const moved = RESPONSE * (this.#goal[joint]! - this.#qpos[joint]!);
      this.#qpos[joint] = this.#qpos[joint]! + moved;
      this.#qvel[joint] = moved / CONTROL_PERIOD_S;
    }
    this.#step++;
  }

  hold(): void {
    this.calls.push('hold');
    this.#goal.set(this.#qpos);
    this.#qvel.fill(0);
  }

  async confirmHold(): Promise<void> {
    this.calls.push('confirmHold');
    this.#requireConnected();
  }

  async disconnect(leave: 'limp' | 'stiff' = 'limp'): Promise<void> {
    this.calls.push(leave === 'limp' ? 'disconnect' : 'leave stiff');
    this.#connected = this.#active = false;
  }

  #requireConnected(): void {
    if (!this.#connected) throw new AlohadError('The fake robot is not connected: call connect() first.');
  }
}

/** A fake robot ready for the loop. */
export async function activeFakeRobot(): Promise<FakeRobot> {
  const robot = new FakeRobot();
  await robot.connect();
  await robot.activate();
  robot.calls.length = 0;
  return robot;
}
