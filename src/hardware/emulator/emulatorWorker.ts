/** Thread entry: emulated buses behind pseudo-terminals. It blocks on their wires and looks at its messages between. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ArmProfile, GripperConvention } from '../../contract/arm.js';
import { emulatedArm } from './arm.js';
import type { FaultCommand } from './faults.js';
import type { LineArm } from './lineArm.js';
import { Operator, type Motion } from './operator.js';
import { PlantCoupling, type Plant, type PlantModule } from './plant.js';
import { LineTerminal, runTerminals } from './terminal.js';
import type { WireTiming } from './wire.js';

export interface EmulatedBus {
  readonly name: string;
  /** Path under which the terminal can be opened. */
  readonly path: string;
  readonly arm: ArmProfile;
  readonly wire: WireTiming;
  /** False: the arm weighs nothing. */
  readonly gravity?: boolean;
  readonly seed: number;
}

/** An arm by its bus, with what its gripper is. */
export interface EmulatedArm {
  readonly bus: string;
  readonly gripper: GripperConvention;
}

/** Who moves the joints of some of the buses. */
export interface EmulatedPlant {
  /** URL of a `PlantModule`, and what its `createPlant` is given. */
  readonly module: string;
  readonly options: unknown;
  /** In the order of its joints. */
  readonly arms: readonly EmulatedArm[];
}

/** A person who shows motions on some of the buses; see operator.ts. */
export interface EmulatedOperator {
  readonly motions: readonly Motion[];
  /** In the order of a motion's columns. */
  readonly arms: readonly EmulatedArm[];
}

export interface EmulatorSetup {
  readonly buses: readonly EmulatedBus[];
  readonly plant?: EmulatedPlant;
  readonly operator?: EmulatedOperator;
  /** Two words: 1 in the first asks for the end, 1 in the second says that it has come. */
  readonly end: SharedArrayBuffer;
}

export type EmulatorMessage =
  | { readonly bus: string; readonly command: FaultCommand }
  /** For the plant. */
  | { readonly order: unknown };

const port = parentPort!;
const setup: EmulatorSetup = workerData;
const end = new Int32Array(setup.end);
const terminals = new Map(
  setup.buses.map(({ name, path, arm, wire, gravity, seed }) => [
    name,
    new LineTerminal(path, {
      ...wire,
      servos: emulatedArm(
        arm,
        gravity,
        setup.plant?.arms.some(({ bus }) => bus === name),
      ),
      seed,
    }),
  ]),
);
try {
  const plant = setup.plant && (await createPlant(setup.plant));
  const operator = setup.operator && new Operator(setup.operator.motions, setup.operator.arms.map(lineArm));
  port.postMessage('ready');
  runTerminals([...terminals.values()], () => {
    for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
      const message: EmulatorMessage = received.message;
      if ('order' in message) plant?.plant.obey(message.order);
      else terminals.get(message.bus)?.apply(message.command);
    }
    operator?.advance(performance.now());
    plant?.coupling.advance(performance.now());
    return Atomics.load(end, 0) === 0;
  });
} finally {
  // Whoever has a port open sees that it is gone.
  for (const terminal of terminals.values()) terminal.unplug();
  Atomics.store(end, 1, 1);
  Atomics.notify(end, 1);
  // A port that nobody listens to would keep the thread.
  port.close();
}

async function createPlant({
  module,
  options,
  arms,
}: EmulatedPlant): Promise<{ plant: Plant; coupling: PlantCoupling }> {
  const factory: PlantModule = await import(module);
  const moved = await factory.createPlant(options);
  return { plant: moved, coupling: new PlantCoupling(moved, arms.map(lineArm)) };
}

function lineArm({ bus, gripper }: EmulatedArm): LineArm {
  const profile = setup.buses.find(({ name }) => name === bus)?.arm;
  const line = terminals.get(bus)?.line;
  if (!profile || !line) throw new RangeError(`there is no emulated bus "${bus}" to be moved`);
  return { line, profile, gripper };
}
