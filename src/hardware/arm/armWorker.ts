/**
 * Thread entry: drives one arm's bus, a hundred times a second, for as long as there is someone to drive it for.
 *
 * It never waits for the control loop. Goals are sent when they come; if none comes for a while although the arm is
 * active, the arm holds, and if this thread hangs with its process, the servos' own watchdog stops them. A fault of this
 * arm holds it and tells the others, whose threads hold theirs.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ArmProfile, GripperConvention } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import { ARM_JOINTS } from '../../contract/robot.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { ArmCycle, supportsFastRead } from '../dynamixel/armCycle.js';
import { ServoBus } from '../dynamixel/bus.js';
import { describeHardwareError } from '../dynamixel/controlTable.js';
import { SerialPort } from '../serialPort.js';
import { ArmMemory, newArmSample, type ArmOrder, type ArmState } from './armMemory.js';
import { ArmServos } from './armServos.js';
import { HealthWriter } from './healthMemory.js';
import { JointSpace } from './jointSpace.js';

export interface ArmSetup {
  readonly name: string;
  readonly path: string;
  readonly profile: ArmProfile;
  readonly gripper: GripperConvention;
  readonly memory: SharedArrayBuffer;
  /** See healthMemory.ts. */
  readonly health: SharedArrayBuffer;
  /** One word for all arms: 1 when any of them has a fault. */
  readonly alarm: SharedArrayBuffer;
  /** What answers may take beyond the wire [ms]: the USB adapter's latency timer and a busy machine. */
  readonly slackMs: number;
  /**
   * Longest time that the arm may go undriven or unheard [ms], 20 to 2540: the servos' own watchdog, a joint that does
   * not answer, and (three quarters of it) a control loop that sends nothing.
   */
  readonly watchdogMs: number;
}

export type ArmAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Time between cycles, and between goals that are sent [ms]. */
const PERIOD_MS = 10;
/** A cycle must be over by then [ms]. */
const DEADLINE_MS = 9;
/** Without a new goal for this share of the watchdog's time the arm holds: the loop hangs, or its episode is over. */
const SILENCE = 0.75;
/** Time between two reports of the servos' health [ms]: a servo is asked in every fifth cycle, so each twice a second. */
const HEALTH_MS = 250;
const JOINTS = ARM_JOINTS.length;
const GRIPPER = JOINTS - 1;

const setup: ArmSetup = workerData;
const memory = new ArmMemory(setup.memory);
const alarm = new Int32Array(setup.alarm);
const parent = parentPort!;
const space = new JointSpace(setup.profile, setup.gripper);
const sample = newArmSample();
/** A call, as it changes behind the compiler's back. */
const state = (): ArmState => memory.state;

const answer = (reply: ArmAnswer): void => parent.postMessage(reply);
const say = (error: unknown): string =>
  error instanceof AlohadError
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);

process.on('exit', () => {
  memory.state = 'closed';
});

let port: SerialPort | undefined;
try {
  port = await SerialPort.open(setup.path, setup.profile.baudRate);
  serve(port);
} catch (error) {
  memory.fail(say(error));
  Atomics.store(alarm, 0, 1);
  answer({ ok: false, message: say(error) });
} finally {
  port?.close();
  await port?.released();
  memory.state = 'closed';
  parent.close();
}

function serve(line: SerialPort): void {
  const bus = new ServoBus(line, { slackMs: Math.max(30, 4 * setup.slackMs) });
  const servos = new ArmServos(bus, setup.profile);
  servos.verify();
  const joints = space.joints.map(({ id }) => id);
  const all = setup.profile.servos.map(({ id }) => id);
  const cycle = new ArmCycle(bus, joints, all, {
    fast: supportsFastRead(bus, joints),
    slackMs: setup.slackMs,
  });
  cycle.run(line.nowMs() + 10 * DEADLINE_MS + 4 * setup.slackMs, false);
  publish(cycle);
  memory.state = 'limp';
  answer({ ok: true });

  const health = new HealthWriter(setup.health, cycle.health, bus.statistics);
  let healthMs = -Infinity;
  let goalsSeen = memory.goalCount;
  let holdsSeen = memory.holdCount;
  let goalMs = -Infinity;
  let lastCycleMs = line.nowMs();
  let nextMs = lastCycleMs;
  while (!memory.isClosing) {
    const wakes = memory.wakes;
    // An order takes many exchanges, each of which the servos' watchdogs hear: that is no standstill.
    if (obey(servos, cycle, joints)) lastCycleMs = line.nowMs();
    const goals = memory.goalCount;
    const hasGoal = goals !== goalsSeen;
    const nowMs = line.nowMs();
    const dueMs = hasGoal ? Math.min(nextMs, goalMs + PERIOD_MS) : nextMs;
    if (nowMs < dueMs && memory.holdCount === holdsSeen) {
      memory.sleep(wakes, dueMs - nowMs);
      continue;
    }
    if (hasGoal) {
      goalsSeen = goals;
      if (state() === 'holding' && Atomics.load(alarm, 0) === 0) memory.state = 'active';
      if (state() === 'active') {
        for (let joint = 0; joint < JOINTS; joint++)
          cycle.goals[joint] = space.toTick(joint, memory.goalOf(joint));
        goalMs = nowMs;
      }
      memory.take(goals);
    }
    const isSilent = nowMs - goalMs > SILENCE * setup.watchdogMs;
    if (
      memory.holdCount !== holdsSeen ||
      (state() === 'active' && (isSilent || Atomics.load(alarm, 0) === 1))
    ) {
      holdsSeen = memory.holdCount;
      hold(cycle);
    }
    if (nowMs - lastCycleMs > setup.watchdogMs && state() !== 'limp') {
      fault(
        `this process was stopped for ${Math.round(nowMs - lastCycleMs)} ms, and the servos' watchdog stopped the arm`,
        cycle,
      );
    }
    lastCycleMs = nowMs;
    nextMs = Math.max(nextMs + PERIOD_MS, nowMs);
    cycle.run(nowMs + DEADLINE_MS + setup.slackMs, state() === 'active' || state() === 'holding');
    publish(cycle);
    judge(cycle, line.nowMs());
    if (nowMs - healthMs >= HEALTH_MS) {
      healthMs = nowMs;
      health.write();
    }
  }
  if (memory.releases && state() !== 'limp') servos.release();
}

/** Carries out what only this thread can do; whether there was anything. */
function obey(servos: ArmServos, cycle: ArmCycle, joints: readonly number[]): boolean {
  const received = receiveMessageOnPort(parent);
  if (!received) return false;
  const order: ArmOrder = received.message;
  try {
    if (order === 'activate') {
      servos.activate(setup.watchdogMs);
      cycle.run(Infinity, false);
      cycle.goals.set(cycle.positions);
      // Setting up took longer than a sample may be old.
      publish(cycle);
      memory.state = 'holding';
    } else if (order === 'confirmHold') {
      // What is asked for just now has to be on the bus before servos are asked.
      hold(cycle);
      cycle.run(Infinity, state() === 'active' || state() === 'holding');
      servos.confirmHold(joints.map((id, joint) => ({ id, goal: cycle.goals[joint]! })));
      publish(cycle);
    } else if (order === 'deactivate') {
      servos.deactivate();
      memory.state = 'limp';
    } else if (order === 'releaseGripper') servos.releaseGripper();
    else {
      servos.release();
      memory.state = 'limp';
    }
    answer({ ok: true });
  } catch (error) {
    answer({ ok: false, message: say(error) });
  }
  return true;
}

/** The joints' present places become their goals, once; a gripper keeps what it holds. */
function hold(cycle: ArmCycle): void {
  if (state() !== 'active') return;
  for (let joint = 0; joint < GRIPPER; joint++) cycle.goals[joint] = cycle.positions[joint]!;
  memory.state = 'holding';
}

/** Stops on a servo that failed or has not been heard for too long. */
function judge(cycle: ArmCycle, nowMs: number): void {
  if (state() !== 'active' && state() !== 'holding') return;
  for (let joint = 0; joint < JOINTS; joint++) {
    const name = ARM_JOINTS[joint]!;
    if (cycle.alert[joint] === 1) {
      fault(`${name} reports a hardware error (overload, heat or voltage)`, cycle);
      return;
    }
    if (nowMs - cycle.timeMs[joint]! > setup.watchdogMs) {
      fault(`${name} has not answered for ${Math.round(nowMs - cycle.timeMs[joint]!)} ms`, cycle);
      return;
    }
  }
  const failed = cycle.health.find(({ hardwareError }) => hardwareError !== 0);
  if (failed) fault(`servo ${failed.id}: ${describeHardwareError(failed.hardwareError)}`, cycle);
}

/** Holds this arm for good and warns the others. */
function fault(reason: string, cycle: ArmCycle): void {
  hold(cycle);
  memory.fail(`${setup.name} (${setup.path}): ${reason}. All arms hold.`);
  Atomics.store(alarm, 0, 1);
}

/** Hands the newest readings to whoever looks. */
function publish(cycle: ArmCycle): void {
  const toMonotonic = monotonicMs() - performance.now();
  for (let joint = 0; joint < JOINTS; joint++) {
    const tick = cycle.positions[joint]!;
    sample.position[joint] = space.position(joint, tick);
    sample.velocity[joint] = space.velocity(joint, cycle.velocities[joint]!, tick);
    sample.effort[joint] = space.effort(joint, cycle.currents[joint]!);
    sample.timeMs[joint] = cycle.timeMs[joint]! + toMonotonic;
  }
  memory.writeSample(sample);
}
