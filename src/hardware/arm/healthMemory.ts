/** The health of an arm's servos as its thread knows it, in shared memory beside the samples. */
import type { ArmProfile } from '../../contract/arm.js';
import { ARM_JOINTS } from '../../contract/robot.js';
import type { ServoHealth } from '../../contract/servoHealth.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import type { MeasuredHealth } from '../dynamixel/armCycle.js';
import { describeHardwareError } from '../dynamixel/controlTable.js';
import type { LinkStatistics } from '../dynamixel/linkStatistics.js';

/** Per servo: temperature, voltage (NaN: not read yet), error bits, timeouts, damaged answers, retries. */
const NUMBERS = 6;

/** Memory for an arm of so many servos. */
export const allocateHealth = (servos: number): SharedArrayBuffer =>
  SharedSample.allocate(servos * NUMBERS).memory;

/** The arm's thread's end. */
export class HealthWriter {
  readonly #sample: SharedSample;
  readonly #health: readonly MeasuredHealth[];
  readonly #statistics: LinkStatistics;

  constructor(memory: SharedArrayBuffer, health: readonly MeasuredHealth[], statistics: LinkStatistics) {
    this.#sample = new SharedSample(memory);
    this.#health = health;
    this.#statistics = statistics;
  }

  write(): void {
    this.#sample.write(this.#fill);
  }

  readonly #fill = (values: Float64Array): void => {
    for (const [n, { id, temperatureC, voltageV, hardwareError }] of this.#health.entries()) {
      const { timeouts, crcErrors, retries } = this.#statistics.of(id);
      values.set([temperatureC, voltageV, hardwareError, timeouts, crcErrors, retries], n * NUMBERS);
    }
  };
}

/** Everyone else's end. */
export class HealthReader {
  readonly #sample: SharedSample;
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#sample = new SharedSample(memory);
    this.#values = new Float64Array(this.#sample.length);
  }

  /** @param effort of the joints, (7,): the newest sample's */
  read(arm: string, { servos }: ArmProfile, effort: Float64Array): ServoHealth[] {
    this.#sample.read(this.#values);
    return servos.map(({ id, name }, n) => {
      const [temperatureC, voltageV, error, timeouts, crcErrors, retries] = this.#values.subarray(
        n * NUMBERS,
      );
      const joint = ARM_JOINTS.findIndex((one) => one === name);
      return {
        arm,
        id,
        joint: name,
        temperatureC: measured(temperatureC!),
        voltageV: measured(voltageV!),
        effort: joint < 0 ? null : effort[joint]!,
        error: error === 0 ? '' : describeHardwareError(error!),
        timeouts: timeouts!,
        crcErrors: crcErrors!,
        retries: retries!,
      };
    });
  }
}

/** Neither 0 degC nor 0 V is a servo that answers. */
const measured = (value: number): number | null => (value > 0 ? value : null);
